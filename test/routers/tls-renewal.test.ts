import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../components/require.ts'
import { askTls, hammerTls } from './tls-hammer.ts'
import { tlsWorld } from './tls-world.ts'
import type { TlsWorld } from './tls-world.ts'

const longMs = 300_000
const validitySeconds = 60
const { signal } = new AbortController()
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describeWith('dockerd', 'certificates that end soon', () => {
  let world: TlsWorld

  beforeAll(async () => {
    // Port 9 answers nothing: certificates come by the challenge that the ingress passes on, over plain HTTP.
    world = await tlsWorld({ validitySeconds, tlsPort: 9 })
    await world.claim(['r.example'])
    // Challenges pass although all else is sent to HTTPS.
    await world.ingress.again().secure(['r.example'])
    await world.again().setup()
    await world.again().certify(['r.example'], signal)
  }, longMs)
  afterAll(() => world?.close(), longMs)

  test(
    'are renewed again and again under load, and nothing is lost by it',
    async () => {
      const before = world.pebble.orders()
      await using load = hammerTls('r.example', world.port)
      await pause(12_000)
      const { lost, answers, serials } = await load.stop()
      console.log(`${answers} answers, ${serials.length} certificates seen, ${world.pebble.orders() - before} orders`)
      expect(lost).toEqual([])
      expect(serials.length).toBeGreaterThan(2)
      expect(await world.ingress.docker('logs', 'switchyard-tls')).not.toContain('"level":"panic"')
    },
    longMs,
  )

  test(
    'go on while the ACME server is down, and the failure is told',
    async () => {
      await world.pebble.down()
      await using load = hammerTls('r.example', world.port)
      await pause(5_000)
      const { lost, serials } = await load.stop()
      expect(lost).toEqual([])
      expect(serials.length).toBeGreaterThan(0)
      const [status] = await world.again().status(['r.example'])
      console.log(JSON.stringify(status))
      expect(status).toEqual({
        domain: 'r.example',
        endsAtMs: expect.any(Number),
        error: expect.stringMatching(/^cannot be renewed: .*connection refused/),
      })
      expect((await askTls({ domain: 'r.example', port: world.port })).status).toBe(200)
      await world.pebble.up()
    },
    longMs,
  )
})
