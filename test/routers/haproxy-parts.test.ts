import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { allTo, noTraffic, share } from '#kernel'
import { countsOf, readRows, readServers, readWeights, sessionsOf } from '../../packages/routers/haproxy/answers.ts'
import { configOf, healthMapOf, weightMapOf } from '../../packages/routers/haproxy/config.ts'
import { lanesOf } from '../../packages/routers/haproxy/preview.ts'
import { linesOf } from '../../packages/routers/haproxy/runtime.ts'
import { releaseOf } from './embedded-world.ts'

const lanes = {
  blue: [{ service: 'web', health: '/health', endpoints: ['10.9.0.16:3000', '10.9.0.17:3000'] }],
  green: [],
}

test('the configuration is the one that was looked at', async () => {
  const golden = (await readFile(join(import.meta.dirname, 'haproxy-golden.cfg'), 'utf8')).trimEnd().split('\n\n')
  const sections = new Set(configOf(lanes).trimEnd().split('\n\n'))
  for (const section of golden) expect([...sections]).toContain(section)
  expect(sections.size).toBe(4 + 8 * 2 + 8 * 2 * 3)
})

test('nothing of the probes’ secret stands in it', () => {
  expect(configOf(lanes).match(/SWITCHYARD_PROBE/g)?.length).toBe(17)
})

test('maps have an entry for every lane from the start', () => {
  expect(healthMapOf(lanes).split('\n').slice(0, 2)).toEqual(['blue-1 /health', 'blue-2 /'])
  expect(healthMapOf(lanes).trimEnd().split('\n')).toHaveLength(16)
  expect([weightMapOf(noTraffic), weightMapOf(allTo('blue')), weightMapOf(share('green', 30))]).toEqual([
    'weight -1\n',
    'weight 0\n',
    'weight 30\n',
  ])
})

test.each([
  ['0x55d1 weight -1\n\n', noTraffic],
  ['0x55d1 weight 0\n\n', allTo('blue')],
  ['0x55d1 weight 25\n\n', share('green', 25)],
])('reads weights back: %j', (text, weights) => expect(readWeights(text)).toEqual(weights))

test.each(['', 'Unknown map identifier.\n', '0x1 weight 5\n0x2 weight 6\n', '0x1 weight 101\n', '0x1 weight x\n'])(
  'does not guess weights from %j',
  (text) => expect(() => readWeights(text)).toThrow(/cannot be understood/),
)

test('counts a slot’s lanes, whatever the order of the columns', () => {
  const text = `# pxname,svname,hrsp_5xx,scur,stot,
front,FRONTEND,9,9,9,
green-1,BACKEND,2,3,100,
green-1-socket,BACKEND,0,4,7,
green-1-preview,BACKEND,5,5,5,
green-2,BACKEND,1,0,10,
blue-1,BACKEND,8,8,8,

`
  expect(countsOf(readRows(text), 'green')).toEqual({ requests: 117, errors: 3, inFlight: 3, sockets: 4 })
})

test('finds the sessions of a slot, not those of previews or of the other', () => {
  const line = (id: string, backend: string) => `${id}: proto=tcpv4 src=1.2.3.4:5 fe=front be=${backend} srv=s1 ts=00`
  const text = ['0x1 green-1', '0x2 green-1-socket', '0x3 green-1-preview', '0x4 blue-1', '0x5 green-12']
    .map((pair) => line(pair.split(' ')[0] ?? '', pair.split(' ')[1] ?? ''))
    .join('\n')
  expect(sessionsOf(text, 'green')).toEqual(['0x1', '0x2', '0x5'])
})

test('reads servers by the names of their columns', () => {
  const text =
    '1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_port\n4 green-1 1 s1 10.0.0.1 2 0 3000\n4 green-1 2 s2 127.0.0.1 0 5 1\n'
  expect(readServers(text)).toEqual([
    { backend: 'green-1', server: 's1', endpoint: '10.0.0.1:3000', isForcedOff: false },
    { backend: 'green-1', server: 's2', endpoint: '127.0.0.1:1', isForcedOff: true },
  ])
})

test('says no line that is longer than HAProxy reads', () => {
  const commands = Array.from({ length: 2_000 }, (_, at) => `set server green-1/s1 addr 10.0.0.1 port ${at}`)
  const lines = linesOf(commands)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(16_000)
  expect(lines.join(';').split(';')).toEqual(commands)
})

const routed = (health: string, instances: number) => {
  const release = releaseOf('v1', instances)
  const services = release.services.map((service) =>
    service.routed === undefined ? service : { ...service, routed: { port: 3000, health } },
  )
  return { ...release, services }
}

test.each(['/health;shutdown sessions server', '/a b', 'health', '/a\nweight 100', '/a"', "/a'", '/a\\', ''])(
  'refuses the health path %j',
  (health) =>
    expect(() => lanesOf(routed(health, 1), [])).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', field: 'health' }),
    ),
)

test('refuses more instances or services than it holds', () => {
  const endpoints = Array.from({ length: 9 }, (_, instance) => ({
    service: 'web',
    instance,
    address: `10.0.0.${instance}:3000`,
  }))
  expect(() => lanesOf(routed('/', 9), endpoints)).toThrow(/9 instances/)
  const [service] = releaseOf('v1', 1).services
  if (service === undefined) throw new Error('a service')
  const services = Array.from({ length: 9 }, (_, at) => ({ ...service, name: `web-${at}` }))
  expect(() => lanesOf({ ...releaseOf('v1', 1), services }, [])).toThrow(/9 routed services/)
})
