import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { imageNames } from '../components/images.ts'
import type { RemoteHost } from '../components/remote-host.ts'
import { describeWith } from '../components/require.ts'
import { startLoad } from '../load/start-load.ts'
import { openHostsGround } from './hosts-ground.ts'
import type { Ground } from './hosts-ground.ts'

const longMs = 180_000
const run = promisify(execFile)
const [domain, port] = ['shop.example', 8080]
const target = {
  ...{ app: 'shop', environment: 'test', target: 'docker', 'router-image': imageNames.haproxy },
  ...{ drain: '3s', bake: '0', deadline: '20s', successes: '3' },
}
/** Told once; the host keeps it. */
const front = { domain, tls: 'off', 'http-listen': `0.0.0.0:${port}` }

describeWith('remote-host', 'the front of a host over SSH', () => {
  let ground: Ground

  beforeAll(async () => {
    ground = await openHostsGround(2)
  }, longMs)
  afterAll(() => ground?.close(), longMs)

  const cli = async (
    words: readonly string[],
    inputs: Readonly<Record<string, string>>,
    hosts?: readonly RemoteHost[],
  ) => {
    const end = await ground.cli([...words, '--json'], {
      ...(hosts ? { hosts } : {}),
      inputs: { ...target, ...inputs },
    })
    expect({ code: end.code, said: end.lines.slice(-10).join('\n') }).toEqual({ code: 0, said: expect.any(String) })
    return end
  }
  const deploy = (version: string, more: Readonly<Record<string, string>> = {}, hosts?: readonly RemoteHost[]) =>
    cli(['deploy'], { release: ground.release(version), env: `VERSION=${version}`, ...more }, hosts)
  /** Status and version of what a host answers under a name. */
  const answer = async ({ within }: RemoteHost, name: string) => {
    const words = ['curl', '-s', '--max-time', '5', '-w', ' %{http_code}', '-H', `host: ${name}`]
    const [first = '', ...rest] = [...within, ...words, `http://127.0.0.1:${port}/`]
    const { stdout } = await run(first, rest, { timeout: 10_000 })
    const [, version = ''] = /"version":"([^"]+)"/.exec(stdout) ?? []
    return `${stdout.slice(-3)} ${version}`
  }
  const answers = () => Promise.all(ground.hosts.map((host) => answer(host, domain)))

  test(
    'answers by name on one host, and then on two; deploys and a rollback that are told nothing of it lose nothing',
    async () => {
      const [one] = ground.hosts as [RemoteHost]
      await deploy('v1', front, [one])
      expect(await answer(one, domain)).toBe('200 v1')
      expect(await answer(one, 'other.example')).toBe('404 ')

      await deploy('v1', front)
      expect(await answers()).toEqual(['200 v1', '200 v1'])
      const loads = await Promise.all(
        ground.hosts.map(({ within }) =>
          startLoad({ url: `http://127.0.0.1:${port}`, host: domain, rate: 25, connections: 4 }, undefined, within),
        ),
      )
      await deploy('v2')
      expect(await answers()).toEqual(['200 v2', '200 v2'])
      await cli(['rollback'], { reason: 'test' })
      expect(await answers()).toEqual(['200 v1', '200 v1'])
      const totals = await Promise.all(loads.map((load) => load.stop()))
      console.log(`two hosts: ${totals.map(({ sent, lost }) => `${sent} sent, ${lost} lost`).join('; ')}`)
      for (const total of totals) expect(total).toMatchObject({ lost: 0, lostBy: {}, bad: 0 })
    },
    longMs,
  )
})
