import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Event, Release } from '#kernel'
import { deploy, rollback } from '#operations'
import { policyOf } from '#suite'
import { openEnvironment } from '#suite/open'
import { freePort } from '../components/free-port.ts'
import { describeWith, find } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import type { Wanted } from '../contract/target.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { nginxWorld } from '../routers/nginx-world.ts'
import type { NginxWorld } from '../routers/nginx-world.ts'
import { dockerPlace, shopRelease } from './docker-world.ts'
import type { DockerPlace } from './docker-world.ts'

const longMs = 120_000
const never = new AbortController().signal
const base = policyOf({ successes: 5, deadline: 4_000, drain: 5_000 })
const policy = { ...base, gate: { ...base.gate, timeoutMs: 1_000 }, graceMs: 3_000 }

describeWith(find('nginx').ok ? 'dockerd' : 'nginx', "containers behind the team's own nginx", () => {
  let place: DockerPlace
  let nginx: NginxWorld
  let load: RunningLoad
  let front = ''
  let events: Event[] = []
  let open: () => ReturnType<typeof openEnvironment>

  beforeAll(async () => {
    place = await dockerPlace()
    nginx = await nginxWorld()
    const port = await freePort()
    front = `http://127.0.0.1:${port}`
    const inputs = {
      ...{ app: place.app, environment: 'test', target: 'docker', router: 'nginx', 'router-image': '' },
      ...{ hosts: [], 'github-token': '', listen: { address: '127.0.0.1', port } },
      // What its configuration includes lies below the state folder of all apps.
      'state-dir': nginx.host.stateDir.replace(/\/apps\/[^/]+\/[^/]+$/, ''),
    }
    open = () => openEnvironment(inputs, (event) => events.push(event))
  }, longMs)
  afterAll(async () => {
    await load?.stop().catch(() => undefined)
    await nginx?.close()
    await place?.close()
  }, longMs)

  const lease = { owner: 'test', ttlMs: 60_000, waitMs: 5_000 }
  const run = async (version: string, strategy = 'blue-green', wanted: Wanted = {}): Promise<Release> => {
    events = []
    const release = shopRelease(place, version, { instances: 2, ...wanted })
    const thresholds = { steps: [25, 100], stepMs: 500 }
    await deploy(
      {
        mode: 'deploy',
        release,
        secrets: {},
        strategy,
        policy: { ...policy, ...thresholds, onInconclusive: 'continue' },
        lease,
      },
      await open(),
      never,
    )
    return release
  }
  const version = async () => (JSON.parse((await ask(front)).body) as { version: string }).version
  const lost = () => load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost : 0), 0)
  const notes = () => events.flatMap((event) => (event.kind === 'note' ? [event.text] : []))

  test(
    'the first release goes live: the network is made, nginx loads its configuration once',
    async () => {
      await run('v1')
      expect(await version()).toBe('v1')
      expect(notes()).toContainEqual(`made the network switchyard-${place.app}-test`)
      expect(notes().join()).toContain('anew, once')
      // Slots publish no port: nginx on the host speaks to their addresses.
      expect(
        await place.docker('ps', '--format={{.Ports}}', `--filter=label=switchyard.app=${place.app}`),
      ).not.toContain('->')
    },
    longMs,
  )

  test(
    'a second one, a canary, one that is sick and a rollback: nothing is lost, nothing is loaded',
    async () => {
      const workers = await nginx.servingWorkers()
      load = await startLoad({ url: front, rate: 60, connections: 8, intervalMs: 250 })
      await run('v2')
      expect(await version()).toBe('v2')
      await run('v3', 'canary')
      expect(await version()).toBe('v3')
      await expect(run('v4', 'blue-green', { fault: { 'health-500': true } })).rejects.toMatchObject({
        code: 'GATE_FAILED',
      })
      expect(await version()).toBe('v3')
      await rollback(
        { to: '', policy, lease, reason: 'test', database: async () => ({ action: 'kept', reason: '' }) },
        await open(),
        never,
      )
      expect(await version()).toBe('v2')
      await load.until((line) => line.type === 'interval' && load.lines.indexOf(line) > load.lines.length - 2, 10_000)
      const sent = load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.sent : 0), 0)
      console.log(`nginx before containers: ${sent} sent, ${lost()} lost`)
      expect(lost()).toBe(0)
      expect(await nginx.servingWorkers()).toEqual(workers)
    },
    longMs,
  )
})
