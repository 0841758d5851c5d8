import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { restartEngine } from '../chaos/restart-engine.ts'
import { bridgeOf } from '../components/engine.ts'
import { freePort } from '../components/free-port.ts'
import { buildCaddy } from '../components/images.ts'
import { describeWith } from '../components/require.ts'
import { makeCertificate } from '../routers/make-certificate.ts'
import { severalApps } from '../routers/several-apps-world.ts'
import type { SeveralApps } from '../routers/several-apps-world.ts'
import { askTls } from '../routers/tls-hammer.ts'

const longMs = 120_000
const caddy = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'switchyard-tests', 'bin', 'caddy')

describeWith('dockerd', 'the front of a host whose engine is restarted', () => {
  let world: SeveralApps
  let https = 0

  beforeAll(async () => {
    world = await severalApps()
    https = await freePort()
    const { certificate, key } = await makeCertificate(['alpha.example'])
    await world.deploy('alpha', world.release('alpha', 'a1'), {
      ...{ tls: 'files', certificate, 'certificate-key': key, 'https-listen': { address: '127.0.0.1', port: https } },
      'tls-image': await buildCaddy(caddy, { host: world.engine.host }),
    })
    await world.deploy('beta', world.release('beta', 'b1'))
  }, longMs)
  afterAll(() => world?.close(), longMs)

  const routes = () => {
    const ask = 'exec 3<>/dev/tcp/127.0.0.1/9999; echo "show map /usr/local/etc/haproxy/routes.map" >&3; cat <&3'
    return world
      .docker('exec', 'switchyard-ingress', 'bash', '-c', ask)
      .then((text) => text.replace(/0x[0-9a-f]+ /g, ''))
  }
  const secure = async () => {
    const { body } = await askTls({ domain: 'alpha.example', port: https })
    return (JSON.parse(body) as { version: string }).version
  }
  const seen = async () => [await secure().catch(String), await world.version('beta.example').catch(String)]

  test(
    'comes back by itself and leads where it led; the next deploy finds it in order',
    async () => {
      const before = await routes()
      expect(before).toMatch(/alpha\.example\/ [^]*beta\.example\/ /)
      expect(await seen()).toEqual(['a1', 'b1'])

      const folder = join(world.folder, basename(world.folder))
      const began = performance.now()
      await restartEngine(folder, bridgeOf(folder))
      for (let look = 0; look < 150 && (await seen()).join() !== 'a1,b1'; look += 1) await sleep(100)
      console.log(`the front was back ${Math.round(performance.now() - began)} ms after the engine was told to end`)

      expect(await seen()).toEqual(['a1', 'b1'])
      expect(await routes()).toBe(before)
      world.events.length = 0
      await world.deploy('beta', world.release('beta', 'b2'))
      expect(await seen()).toEqual(['a1', 'b2'])
      const told = world.events.flatMap((event) => (event.kind === 'note' ? [event.text] : []))
      expect(told.filter((text) => /ingress|front of the host|leads to/.test(text))).toEqual([])
    },
    longMs,
  )
})
