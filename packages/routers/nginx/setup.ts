import { Failure, noTraffic, slots } from '#kernel'
import type { Host } from '#kernel'
import type { RouterContext } from '../index.ts'
import { engineOf } from '../haproxy/engine.ts'
import { namesOf } from '../haproxy/names.ts'
import { ensureNetwork } from '../haproxy/network.ts'
import { askFunction, askNginx, readSights } from './ask.ts'
import { httpConfOf, logConfOf, markOf, serverConfOf } from './config.ts'
import type { ConfigInput } from './config.ts'
import { assertWorks, testConfiguration, theNginx } from './masters.ts'
import type { Tested } from './masters.ts'
import { noPlace, weightPlace } from './place-names.ts'
import { point } from './point.ts'
import { portsListenedTo } from '../listened.ts'
import { freshSecret } from '../kept-record.ts'
import { choosePreviews, keepRecord, readRecord } from './record.ts'
import type { NginxRecord } from './record.ts'
import {
  controlOffset,
  httpFile,
  laneCount,
  laneLink,
  logFile,
  nginxFolder,
  prefixOf,
  serverFile,
  serverFiles,
  weightLink,
} from './shape.ts'

/**
 * Makes the team's nginx serve the app. Where it does, these are looks, and `nginx -t` is one of them. The one reload there is happens
 * when nginx cannot be told otherwise: at the first set-up, with another `listen`, or with a version of Switchyard that says so.
 * @throws Failure NGINX_BROKEN, ROUTER_UNREACHABLE, HOST_NOT_READY, PORT_IN_USE, INPUT_INVALID
 */
export async function setUp(context: RouterContext): Promise<readonly string[]> {
  const made = context.isForContainers === true ? await makeNetwork(context) : []
  return [...made, ...(await serve(context))]
}

/** The environment's network, to whose containers nginx speaks from the host. */
async function makeNetwork({ host, app, environment }: RouterContext): Promise<readonly string[]> {
  const names = namesOf(app, environment)
  const { isNew } = await ensureNetwork(engineOf(host), names)
  return isNew ? [`made the network ${names.network}`] : []
}

async function serve(context: RouterContext): Promise<readonly string[]> {
  const { host, bind, listen } = context
  const file = fileOf(host)
  const [record, tested] = await Promise.all([readRecord(host), theNginx(host, file)])
  if (tested === null) throw notIncluded(host, record)
  const loaded = record === null ? undefined : (await askNginx(host, record.previews, [weightLink]))[0]
  if (record !== null && record.bind === bind && record.listen === listen) {
    await assertReadable(host, record.log)
    const input = inputOf(context, record)
    const files = [httpFile, logFile, serverFile].map((name) => host.read(`${nginxFolder}/${name}`))
    const wanted = [httpConfOf(input), logConfOf(input), serverConfOf(input)]
    const isSame = JSON.stringify(await Promise.all(files)) === JSON.stringify(wanted)
    if (isSame && loaded?.mark === markOf(input) && loaded.path !== '') return []
  }
  const taken = await portsListenedTo((command) => host.look(command))
  const isOurs = loaded !== undefined && record?.listen === listen
  if (taken.has(listen) && !isOurs) throw inUse(context)
  const next: NginxRecord = {
    secret: record?.secret ?? freshSecret(),
    slots: record?.slots ?? { blue: [], green: [] },
    previews: record !== null && loaded !== undefined ? record.previews : choosePreviews(taken),
    bind,
    listen,
    log: record?.log ?? logIn(tested.logs, context),
  }
  return bringIn(context, next, tested)
}

async function bringIn(context: RouterContext, record: NginxRecord, tested: Tested): Promise<readonly string[]> {
  const { host } = context
  const input = inputOf(context, record)
  const mark = markOf(input)
  await layLinks(host, record)
  const before = new Map<string, string | null>()
  await add(host, tested, before, httpFile, httpConfOf(input))
  await add(host, tested, before, logFile, logConfOf(input))
  await add(host, tested, before, serverFile, serverConfOf(input))
  await keepRecord(host, record)

  const notes = [`wrote what nginx includes; it answers on ${record.bind}:${record.listen}`]
  const already = (await askNginx(host, record.previews, [weightLink]))[0]
  if (already?.mark !== mark) {
    await reload(host, tested.master.words, record.previews, mark)
    notes.push('nginx loaded its configuration anew, once: connections that clients keep may have been closed')
  }
  const seen = (await askNginx(host, record.previews, [weightLink]))[0]
  if (seen?.path === '') throw closed(host)
  await assertReadable(host, record.log)
  return notes
}

/** The links, where there are none yet, in folders that nginx's workers may look through. */
async function layLinks(host: Host, record: NginxRecord): Promise<void> {
  const lanes = slots.flatMap((slot) => Array.from({ length: laneCount }, (_, index) => laneLink(slot, index)))
  const missing = Object.fromEntries(lanes.map((link) => [`${link}?`, noPlace]))
  await host.act({ argv: ['mkdir', '-p', `${host.stateDir}/${nginxFolder}`] })
  await point(host, record.previews, { [`${weightLink}?`]: weightPlace(noTraffic), ...missing })
  // Those that are not ours stay as they are; whether that is enough is what nginx is asked in the end.
  await host.act({ argv: ['chmod', 'a+x', ...foldersAbove(host)], okCodes: [0, 1] })
}

/** Puts one file, and takes all back where nginx is not content with it. */
async function add(
  host: Host,
  tested: Tested,
  before: Map<string, string | null>,
  name: string,
  text: string,
): Promise<void> {
  before.set(name, await host.read(`${nginxFolder}/${name}`))
  await host.put(`${nginxFolder}/${name}`, text, 0o600)
  const now = await testConfiguration(host, tested.master, fileOf(host))
  if (now.broken !== null) await putBack(host, before)
  assertWorks(now, 'nginx -t is not content with what was to be added, so that was taken back')
}

async function putBack(host: Host, before: ReadonlyMap<string, string | null>): Promise<void> {
  for (const [name, text] of before) {
    if (text === null) await host.act({ argv: ['rm', '-f', '--', `${host.stateDir}/${nginxFolder}/${name}`] })
    else await host.put(`${nginxFolder}/${name}`, text, 0o600)
  }
}

/** From the state folder of all apps down to our own. */
function foldersAbove(host: Host): string[] {
  const [app, environment] = host.stateDir.split('/').slice(-2)
  const root = host.stateDir.slice(0, -`/apps/${app ?? ''}/${environment ?? ''}`.length)
  const below = ['apps', app ?? '', environment ?? '', ...nginxFolder.split('/'), 'at']
  return below.reduce<string[]>((folders, name) => [...folders, `${folders.at(-1) ?? ''}/${name}`], [root])
}

const awaitMark = `${askFunction}port=$1 mark=$2 link=$3
for turn in $(seq 150); do
  said=$(ask "$port" "$link")
  case $said in *"$mark"*) printf '%s\\n' "$said"; exit 0 ;; esac
  sleep 0.1
done
`

/** nginx says nothing when it has loaded: it is asked until it shows the new mark. */
async function reload(
  host: Host,
  words: readonly [string, ...string[]],
  previews: number,
  mark: string,
): Promise<void> {
  await host.act({ argv: [...words, '-s', 'reload'], timeoutMs: 60_000 })
  const argv = ['sh', '-c', awaitMark, 'sh', String(previews + controlOffset), mark, weightLink] as const
  const { stdout } = await host.look({ argv: [...argv], timeoutMs: 300_000 })
  if (readSights(stdout)[0]?.mark === mark) return
  throw new Failure(
    'ROUTER_DISAGREES',
    'nginx was told to load its configuration and does not show what is new in it',
    {
      hint: 'Its error log says why; it serves on as before. A port that is held by another program is the usual cause.',
    },
  )
}

export function fileOf(host: Host): string {
  return `${host.stateDir}/${nginxFolder}/${httpFile}`
}

export function inputOf({ host, app, environment, limits }: RouterContext, record: NginxRecord): ConfigInput {
  const folder = `${host.stateDir}/${nginxFolder}`
  if (!/^\/[A-Za-z0-9._/@+~ -]+$/.test(folder)) {
    throw new Failure('INPUT_INVALID', `${folder} cannot stand in a configuration of nginx`, {
      field: 'state-dir',
      hint: 'Use a path of letters, digits, dots, hyphens and underscores.',
    })
  }
  return { ...record, folder, prefix: prefixOf(app, environment), limits }
}

/** Beside nginx's own logs, so that what rotates those rotates it too. */
function logIn(folder: string, { app, environment }: RouterContext): string {
  return /^\/[A-Za-z0-9._/@+~ -]+$/.test(folder) ? `${folder}/switchyard-${app}-${environment}.log` : ''
}

async function assertReadable(host: Host, log: string): Promise<void> {
  if (log === '') return
  const { exitCode } = await host.look({ argv: ['test', '-r', log], okCodes: [0, 1], timeoutMs: 30_000 })
  if (exitCode === 0) return
  throw new Failure('HOST_NOT_READY', `this user cannot read ${log}, from which requests are counted`, {
    hint: 'On Debian, the group adm may read the logs of nginx: usermod --append --groups adm USER.',
  })
}

function inUse({ listen, host }: RouterContext): Failure {
  return new Failure('PORT_IN_USE', `port ${listen} is in use already, perhaps by a server of nginx's own`, {
    field: 'listen',
    hint: `Give a free one, such as 127.0.0.1:8081, and let your own server {} answer with: include ${host.stateDir}/${nginxFolder}/${serverFiles};`,
  })
}

function notIncluded(host: Host, record: NginxRecord | null): Failure {
  const all = host.stateDir.replace(/[^/]+\/[^/]+$/, '*/*')
  const code = record === null ? 'HOST_NOT_READY' : 'ROUTER_UNREACHABLE'
  return new Failure(code, `no nginx that runs here includes ${fileOf(host)}`, {
    hint: `Put this line into its http {}, once for all apps, and run again: include ${all}/${nginxFolder}/${httpFile};`,
  })
}

function closed(host: Host): Failure {
  return new Failure('HOST_NOT_READY', `the workers of nginx cannot look into ${host.stateDir}/${nginxFolder}`, {
    field: 'state-dir',
    hint: 'Every folder above it must be open to them (chmod a+x); /var/lib/switchyard is, a home folder often is not.',
  })
}
