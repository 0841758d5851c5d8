import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#kernel'
import { freePort } from '../components/free-port.ts'
import { buildCaddy } from '../components/images.ts'
import { blockedDomain, startPebble } from '../components/pebble.ts'
import type { Pebble } from '../components/pebble.ts'
import { describeWith } from '../components/require.ts'
import { findInstalledTools } from '../workflows/tools.ts'
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

  test(
    'a cancel while a certificate is waited for ends at once and takes the routes back',
    async () => {
      await pebble.down()
      const before = await world.version('late.example')
      const ports = await world.open('late', { ...(await auto()) })
      await ports.lease.acquire('test', 120_000)
      const reason = new Failure('CANCELLED', 'the run was cancelled')
      const cancel = new AbortController()
      const setting = ports.setUp(cancel.signal)
      setting.catch(() => undefined)
      while ((await world.version('late.example')) === before) await sleep(50)
      const began = performance.now()
      cancel.abort(reason)
      await expect(setting).rejects.toBe(reason)
      console.log(`a cancel in the middle of certificates took ${Math.round(performance.now() - began)} ms`)
      expect(await world.version('late.example')).toBe(before)
      await ports.lease.release()
      await pebble.up()
    },
    longMs,
  )

  test(
    'a domain that has no address is refused before anything is changed; status and HSTS say what is there',
    async () => {
      await expect(
        world.deploy('two', world.release('two', 'w2'), {
          ...(await auto()),
          force: false,
          routes: [at('nowhere.invalid')],
        }),
      ).rejects.toMatchObject({
        code: 'DOMAIN_ELSEWHERE',
        message: expect.stringContaining('nowhere.invalid has no address'),
      })
      expect(await world.version('nowhere.invalid')).toBe('404')
      const certificate = await makeCertificateInputs('two.example')
      const own = { tls: 'files' as const, hsts: 3_600, 'tls-image': await caddy(), ...certificate }
      await world.deploy('two', world.release('two', 'w3'), {
        ...own,
        'https-listen': { address: '127.0.0.1', port: https },
      })
      const answer = await askTls({ domain: 'two.example', port: https })
      expect(answer.headers['strict-transport-security']).toBe('max-age=3600')
      const ports = await world.open('two')
      const [status] = (await ports.front?.https.status(['two.example'])) ?? []
      expect(status).toMatchObject({ domain: 'two.example' })
      expect(status?.error).toBeUndefined()
      expect(status?.endsAtMs).toBeGreaterThan(Date.now())
    },
    longMs,
  )

  test(
    'the last app that leaves takes both containers of the front along, and their ports are free',
    async () => {
      const open = await Promise.all(['one', 'two'].map((app) => world.open(app)))
      const done: string[] = []
      for (const ports of open) {
        await ports.lease.acquire('test', 120_000)
        done.push(...((await ports.front?.goneFrom(ports.router)) ?? []))
        await ports.lease.release()
      }
      expect(done).toContain('it was the last app: the front of the host is removed')
      expect(await world.docker('ps', '--all', '--quiet', '--filter=name=^switchyard-(ingress|tls)')).toBe('')
      for (const port of [world.port, https]) {
        const server = createServer().listen(port, '127.0.0.1')
        await once(server, 'listening')
        server.close()
      }
    },
    longMs,
  )
})

async function makeCertificateInputs(domain: string) {
  const { certificate, key } = await makeCertificate([domain])
  return { certificate, 'certificate-key': key }
}
