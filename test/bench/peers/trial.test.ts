import { expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { took, type Peer, type Version } from './peer.ts'
import { figure, table } from './table.ts'
import { tryOut, type TrialPlan } from './trial.ts'

const version = (name: string): Version => ({ version: name, image: `shop:${name}`, release: '{}' })
const plan: TrialPlan = {
  versions: [version('v1'), version('v2')],
  deploys: 2,
  rollbacks: 1,
  requestsPerSecond: 60,
  settleMs: 20_000,
}

/** A server that is its own deploy; `between` is what its users get meanwhile. */
async function serverPeer(between: 'nothing' | 'answers' | 'failure', delayMs = 0) {
  let live = ''
  let isAway = false
  const did: string[] = []
  const server = createServer((request, response) => {
    if (isAway && between === 'nothing') return void request.socket.destroy()
    const answer = JSON.stringify({ version: live })
    response.writeHead(isAway && between === 'failure' ? 500 : 200)
    setTimeout(() => response.end(answer), delayMs)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const change = async (verb: string, next: Version) => {
    did.push(`${verb} ${next.version}`)
    isAway = between !== 'answers'
    await sleep(300)
    isAway = false
    live = next.version
  }
  const peer: Peer = {
    front: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    up: (first) => change('up', first),
    deploy: (next) => took(() => change('deploy', next)),
    async down() {
      did.push('down')
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const back = { rollback: (before: Version) => change('rollback', before) }
  return { peer, back, did }
}

test('a switch without a gap loses nothing, and its rollback is timed', async () => {
  const { peer, back, did } = await serverPeer('answers')
  const outcome = await tryOut({ ...peer, ...back }, plan)
  expect(did).toEqual(['up v1', 'deploy v2', 'deploy v1', 'rollback v2', 'down'])
  expect(outcome).toMatchObject({ deploys: 2, lostKept: 0, lostFresh: 0, bad: 0 })
  expect(outcome.wallMs).toBeGreaterThanOrEqual(295)
  expect(outcome.sent).toBeGreaterThan(20)
  expect(outcome.rollbackMs).toBeGreaterThanOrEqual(295)
})

test('what is cut meanwhile is lost on both kinds of connections, and the gap is seen', async () => {
  const { peer } = await serverPeer('nothing')
  const outcome = await tryOut(peer, plan)
  expect(outcome.lostKept).toBeGreaterThan(4)
  expect(outcome.lostFresh).toBeGreaterThan(4)
  expect(outcome.why).toBe(`${outcome.lostKept + outcome.lostFresh} reset`)
  expect(outcome.bad).toBe(0)
  expect(outcome.longestGapMs).toBeGreaterThan(250)
  expect(outcome.rollbackMs).toBeUndefined()
})

test('what the app itself answers badly is not lost', async () => {
  const { peer } = await serverPeer('failure')
  const outcome = await tryOut(peer, plan)
  expect(outcome.bad).toBeGreaterThan(8)
  expect(outcome).toMatchObject({ lostKept: 0, lostFresh: 0 })
})

test('a tool that fails is taken down all the same', async () => {
  const { peer, did } = await serverPeer('answers')
  const failing = { ...peer, deploy: () => Promise.reject(new Error('no such image')) }
  await expect(tryOut(failing, plan)).rejects.toThrow('no such image')
  expect(did).toEqual(['up v1', 'down'])
})

test('a machine that cannot carry the load as it is measures nothing', async () => {
  const { peer, did } = await serverPeer('answers', 250)
  await expect(tryOut(peer, { ...plan, settleMs: 1500 })).rejects.toThrow('too busy to measure')
  expect(did).toEqual(['up v1', 'down'])
})

test('a row says everything, and a dash where a tool has no rollback', () => {
  const outcome = {
    wallMs: 1514,
    deploys: 8,
    sent: 8790,
    lostKept: 4000,
    lostFresh: 654,
    why: '4654 refused',
    bad: 1,
    longestGapMs: 1200.4,
  }
  const [head, , row] = table([{ name: 'a tool', outcome }]).split('\n')
  expect(head).toMatch(/^\| way \|.*\| rollback \|$/)
  expect(row).toBe('| a tool | 1.51 s | 8,790 | 4,000 | 654 | 1 | 1,200 ms | – |')
  expect(table([{ name: 'a tool', outcome: { ...outcome, rollbackMs: 950 } }])).toContain('| 0.95 s |')
  expect(figure({ name: 'a tool', outcome })).toMatchObject({ value: 1.514, unit: 's' })
  expect(figure({ name: 'a tool', outcome }).detail).toContain('(4654 refused)')
})
