import type { RouterContext } from '../index.ts'
import { engineOf } from '../haproxy/engine.ts'
import { namesOf } from '../haproxy/names.ts'
import { askFunction } from './ask.ts'
import { assertWorks, findMasters, testConfiguration } from './masters.ts'
import { readRecord } from './record.ts'
import { fileOf } from './setup.ts'
import { controlOffset, httpFile, logFile, nginxFolder, serverFile, weightLink } from './shape.ts'

const awaitSilence = `${askFunction}port=$1 link=$2
for turn in $(seq 150); do
  if [ -z "$(ask "$port" "$link")" ]; then exit 0; fi
  sleep 0.1
done
`

/**
 * Takes what is ours out of nginx: no deploy, so nginx loads its configuration anew. One that is broken is left alone; it answers 503
 * for the app, for the links are gone.
 * @throws Failure NGINX_BROKEN
 */
export async function removeRouter(context: RouterContext): Promise<void> {
  await takeOut(context)
  const { host, app, environment } = context
  if (context.isForContainers === true) await engineOf(host).act(['network', 'rm', namesOf(app, environment).network])
}

async function takeOut({ host }: RouterContext): Promise<void> {
  const record = await readRecord(host)
  if (record === null) return host.remove([nginxFolder])
  const tested = await Promise.all((await findMasters(host)).map((each) => testConfiguration(host, each, fileOf(host))))
  const serving = tested.filter(({ hasOurs }) => hasOurs)
  for (const each of tested)
    if (tested.length === 1) assertWorks(each, 'nginx -t is not content, so nothing was removed')
  await host.remove([httpFile, logFile, serverFile].map((name) => `${nginxFolder}/${name}`))
  for (const { master } of serving) {
    assertWorks(await testConfiguration(host, master, fileOf(host)), 'nginx -t is not content without the app')
    await host.act({ argv: [...master.words, '-s', 'reload'], timeoutMs: 60_000 })
    const port = String(record.previews + controlOffset)
    await host.look({ argv: ['sh', '-c', awaitSilence, 'sh', port, weightLink], timeoutMs: 300_000 })
  }
  await host.remove([nginxFolder])
}
