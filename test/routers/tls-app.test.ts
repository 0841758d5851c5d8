import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { buildCaddy } from '../components/images.ts'
import { blockedDomain, startPebble } from '../components/pebble.ts'
import type { Pebble } from '../components/pebble.ts'
import { describeWith } from '../components/require.ts'
import { findInstalledTools } from '../workflows/tools.ts'
import { freePort } from './haproxy-world.ts'
import { makeCertificate } from './make-certificate.ts'
import { at, severalApps } from './several-apps-world.ts'
import type { SeveralApps } from './several-apps-world.ts'
import { askTls, hammerTls } from './tls-hammer.ts'

findInstalledTools()

const longMs = 300_000

describeWith('dockerd', 'an app with a domain has HTTPS', () => {
  let world: SeveralApps
  let pebble: Pebble
  let https = 0
  const auto = async () => ({
    ...({ tls: 'auto', force: true, 'https-listen': { address: '127.0.0.1', port: https } } as const),
    ...{ 'acme-directory': pebble.directory, 'acme-root': pebble.root },
    'tls-image': await caddy(),
  })
  const caddy = () =>
    buildCaddy(join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'switchyard-tests/bin/caddy'), {
      host: world.engine.host,
    })
  const version = async (domain: string) =>
    (JSON.parse((await askTls({ domain, port: https })).body) as { version: string }).version

  beforeAll(async () => {
    world = await severalApps()
    https = await freePort()
    await world.deploy('one', world.release('one', 'v1'))
    const format = '--format={{(index .IPAM.Config 0).Gateway}}'
    const gateway = await world.docker('network', 'inspect', format, 'switchyard--ingress')
    pebble = await startPebble({ addresses: [gateway], httpPort: world.port, tlsPort: https })
  }, longMs)
  afterAll(async () => {
    await pebble?.stop()
    await world?.close()
  }, longMs)

  test(
    'after the deploy that asks for it, and keeps it through the next ones',
    async () => {
      expect(await world.version('one.example')).toBe('v1')
      await world.deploy('one', world.release('one', 'v2'), await auto())
      expect(await version('one.example')).toBe('v2')
      expect(await world.version('one.example')).toBe('308')
      await using load = hammerTls('one.example', https)
      await world.deploy('one', world.release('one', 'v3'))
      await world.rollback('one')
      const { lost, answers } = await load.stop()
      console.log(`${answers} answers over HTTPS during a deploy and a rollback`)
      expect(lost).toEqual([])
      expect(await version('one.example')).toBe('v2')
      expect(pebble.orders()).toBe(1)
    },
    longMs,
  )

  test(
    'a domain that gets no certificate keeps the release from starting, and takes nothing from the others',
    async () => {
      const routes = [at('one.example'), at(blockedDomain)]
      await using load = hammerTls('one.example', https)
      await expect(
        world.deploy('one', world.release('one', 'v4'), { ...(await auto()), routes }),
      ).rejects.toMatchObject({
        code: 'CERTIFICATE_FAILED',
      })
      const { lost } = await load.stop()
      expect(lost).toEqual([])
      expect(await version('one.example')).toBe('v2')
      expect(await world.version(blockedDomain)).toBe('404')
      await expect(
        world.deploy('one', world.release('one', 'v4'), {
          tls: 'files',
          ...(await makeCertificateInputs('other.example')),
        }),
      ).rejects.toMatchObject({ code: 'CERTIFICATE_INVALID' })
      expect(await version('one.example')).toBe('v2')
    },
    longMs,
  )

  test(
    'another app brings its own certificate; the last one takes HTTPS along',
    async () => {
      const own = { tls: 'files' as const, ...(await makeCertificateInputs('two.example')) }
      await world.deploy('two', world.release('two', 'w1'), own)
      expect(await version('two.example')).toBe('w1')
      await world.deploy('one', world.release('one', 'v5'), { tls: 'off' })
      expect(await world.version('one.example')).toBe('v5')
      await expect(version('two.example')).resolves.toBe('w1')
      const ports = await world.open('two')
      await ports.lease.acquire('test', 60_000)
      await ports.front?.unclaim()
      await ports.lease.release()
      expect(await world.docker('ps', '--all', '--quiet', '--filter=name=switchyard-tls')).toBe('')
    },
    longMs,
  )
})

async function makeCertificateInputs(domain: string) {
  const { certificate, key } = await makeCertificate([domain])
  return { certificate, 'certificate-key': key }
}
