import { expect, test } from '@jest/globals'
import type { RoutedService } from '#kernel'
import { frontsAsked, frontsWith, hasFronts, inLanes, movedLanes } from '../../packages/routers/haproxy/fronts.ts'
import type { RouterRecord } from '../../packages/routers/haproxy/record.ts'

const service = (name: string, listen?: number): RoutedService => ({
  ...{ name, ref: 'sha256:0', instances: 1, overlap: 'allow' as const, env: {} },
  routed: { port: 3000, health: '/', ...(listen === undefined ? {} : { listen }) },
})
const front = (name: string, port: number) => ({ service: name, address: '0.0.0.0', port })
const lane = (name: string) => ({ service: name, health: '/', endpoints: ['10.0.0.1:3000'] })
const names = (services: readonly (RoutedService | null)[]) => services.map((each) => each?.name ?? null)
const record = (fronts: readonly ReturnType<typeof front>[], blue: RouterRecord['slots']['blue']): RouterRecord => ({
  ...{ asked: 'a', image: 'b', secret: '0'.repeat(48), bind: '0.0.0.0', listen: 80, previews: 20_000 },
  ...{ fronts: [...fronts], slots: { blue, green: [] } },
})

test('fronts are in the order of their ports, whatever the order of the services', () => {
  const [api, admin] = [front('api', 4000), front('admin', 9000)]
  const listens = { admin: { address: '0.0.0.0', port: 9000 }, api: { address: '0.0.0.0', port: 4000 } }
  expect(frontsAsked({ listens })).toEqual([api, admin])
  expect(frontsAsked({})).toEqual([])
})

test.each([
  ['without fronts, services are as the release has them', [], [service('web'), service('api')], ['web', 'api']],
  [
    'each at its own port',
    [front('api', 4000)],
    [service('api', 4000), service('x'), service('web')],
    ['x', 'api', 'web'],
  ],
  ['by its port under another name', [front('api', 4000)], [service('web'), service('old', 4000)], ['web', 'old']],
  ['by its name at another port', [front('api', 4000)], [service('web'), service('api', 5000)], ['web', 'api']],
  [
    'not one that the release does not publish',
    [front('api', 4000)],
    [service('web'), service('api')],
    ['web', null, 'api'],
  ],
  ['nothing for who is not there', [front('api', 4000)], [service('web')], ['web']],
  ['one that has no front is still probed', [], [service('web'), service('api', 4000)], ['web', 'api']],
] as const)('lanes: %s', (_, fronts, services, expected) => {
  expect(names(inLanes(services, fronts))).toEqual(expected)
})

test('a release that is live keeps its ports when the fronts change under it', () => {
  const blue = [lane('web'), lane('api'), lane('admin')]
  const before = { listen: 80, fronts: [front('api', 4000), front('admin', 9000)] }
  const moved = (listen: number, ...fronts: ReturnType<typeof front>[]) =>
    movedLanes(blue, before, { listen, fronts }).map((each) => each?.service ?? null)
  expect(moved(80, front('metrics', 3000), front('api', 4000), front('admin', 9000))).toEqual([
    'web',
    null,
    'api',
    'admin',
  ])
  expect(moved(8080, front('other', 4000), front('admin', 9000))).toEqual(['web', 'api', 'admin'])
  expect(moved(80, front('api', 5000))).toEqual(['web', 'api', 'admin'])
  // What was not published is not published now.
  expect(
    movedLanes(blue, { listen: 80 }, { listen: 80, fronts: [front('api', 4000)] }).map((each) => each?.service ?? null),
  ).toEqual(['web', null, 'api', 'admin'])
})

test('a front that the next release no longer has stays while the live one needs it', () => {
  const [api, admin] = [front('api', 4000), front('admin', 9000)]
  const before = record([api, admin], [lane('web'), lane('api')])
  expect(frontsWith([], 80, before)).toEqual([api])
  expect(frontsWith([front('api', 5000)], 80, before)).toEqual([front('api', 5000)])
  expect(frontsWith([front('other', 4000)], 80, before)).toEqual([front('other', 4000)])
  expect(frontsWith([], 4000, before)).toEqual([])
  expect(hasFronts(before, [])).toBe(true)
  expect(hasFronts(before, [api])).toBe(true)
  expect(hasFronts(before, [front('api', 5000)])).toBe(false)
  const many = Array.from({ length: 8 }, (_, at) => front(`s${at}`, 5000 + at))
  expect(() => frontsWith(many, 80, null)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
})
