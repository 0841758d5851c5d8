import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEnvironment } from '#suite/open'
import { freePort } from '../components/free-port.ts'
import { workerService } from '../contract/target.ts'
import { archive } from './process-world.ts'
import { strategiesOn } from './strategies.ts'

strategiesOn('process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-strategies-'))
  const port = await freePort()
  const state = join(folder, 'state')
  const inputs = {
    ...{ app: 'shop', environment: 'test', target: 'process', router: '', 'router-image': '', hosts: [] },
    ...{ 'github-token': '', 'state-dir': state, listen: { address: '127.0.0.1', port } },
  }
  return {
    folder,
    front: `http://127.0.0.1:${port}`,
    open: (tell) => openEnvironment(inputs, tell),
    async release(version, { fault, worker } = {}) {
      const ref = await archive(folder, version, fault)
      const web = {
        name: 'web',
        ref,
        command: ['node', 'server.mjs'],
        instances: 1,
        overlap: 'allow',
        env: {},
        routed: { port: 3000, health: '/health' },
      } as const
      const services = worker === undefined ? [web] : [web, workerService(ref, worker)]
      return { id: randomBytes(16).toString('hex'), app: 'shop', environment: 'test', version, services }
    },
    running: (service) => slotsOf(folder, service),
    async close() {
      const { target, router } = await openEnvironment(inputs, () => undefined).then(async (open) => {
        await open.lease.acquire('test', 60_000)
        return open
      })
      for (const slot of ['blue', 'green'] as const) await target.stop(slot, { graceMs: 0, remove: true })
      await router.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
})

/** The slots in which processes of a service live, by the marks in their environment. */
async function slotsOf(folder: string, service: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((each) => /^[0-9]+$/.test(each))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    const [slot] = /(?<=^SWITCHYARD_SLOT=).*$/m.exec(environment.replaceAll('\0', '\n')) ?? []
    const isOurs = environment.includes(`SWITCHYARD_STATE=${folder}`)
    if (isOurs && slot !== undefined && environment.split('\0').includes(`SWITCHYARD_SERVICE=${service}`))
      found.push(slot)
  }
  return found
}
