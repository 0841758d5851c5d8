import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { launch } from '../components/engine-daemon.ts'
import type { RemoteHost } from '../components/remote-host.ts'
import { describeWith } from '../components/require.ts'
import { action } from '../../actions/deploy-bluegreen/inputs.ts'
import { deployCommand } from '../../actions/deploy-bluegreen/command.ts'
import { readSettings } from '#suite'
import { sessionOf } from '../suite/session.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { openHostsGround } from './hosts-ground.ts'
import type { CliOptions, Ground } from './hosts-ground.ts'

const longMs = 240_000
const port = 8080
const brisk = { drain: '3s', bake: '0', deadline: '20s', successes: '3' }

describeWith('remote-host', 'three hosts, deployed to together', () => {
  let ground: Ground
  let one: RemoteHost
  let two: RemoteHost
  let three: RemoteHost
  const loads: RunningLoad[] = []

  beforeAll(async () => {
    ground = await openHostsGround(3)
    ;[one, two, three] = ground.hosts as [RemoteHost, RemoteHost, RemoteHost]
  }, longMs)
  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop().catch(() => undefined)))
    await ground?.close()
  }, longMs)

  const target = {
    ...{ app: 'shop', environment: 'test', target: 'docker', listen: `0.0.0.0:${port}` },
    'router-image': 'switchyard-test/haproxy:1',
  }
  const cli = async (words: readonly string[], { inputs = {}, ...more }: CliOptions = {}) => {
    const began = performance.now()
    const end = await ground.cli(words, { ...more, inputs: { ...target, ...inputs } })
    if (end.code !== 0) console.log(end.lines.join('\n'))
    console.log(`${words.join(' ')}: exit ${end.code} after ${Math.round(performance.now() - began)} ms`)
    return { ...end, said: end.lines.join('\n') }
  }
  const deploy = (version: string, more: CliOptions = {}, fault: object = {}) =>
    cli(['deploy', '--json'], {
      ...more,
      inputs: {
        ...{ ...brisk, release: ground.release(version) },
        env: `VERSION=${version}\nFAULT=${JSON.stringify(fault)}`,
        ...more.inputs,
      },
    })
  const versions = () => Promise.all(ground.hosts.map((host) => ground.version(host, port)))
  const all = (version: string) => [version, version, version]
  const listed = (host: RemoteHost) => host.docker('ps', '--all', '--format={{.ID}} {{.State}}')
  const containers = () => Promise.all(ground.hosts.map(listed))
  const heldBy = async () => {
    const { out } = await cli(['status', '--json'])
    const { status } = JSON.parse(out) as { status: { status: { held: string } }[] }
    return status.map((each) => each.status.held)
  }
  /** The next whole interval of every load is in. */
  const settled = () =>
    Promise.all(
      loads.map((load) => {
        const known = load.lines.length
        return load.until((line) => line.type === 'interval' && load.lines.indexOf(line) > known, 10_000)
      }),
    )
  const lost = async () => {
    await settled()
    return loads.map((load) => load.lines.reduce((sum, line) => sum + (line.type === 'interval' ? line.lost : 0), 0))
  }

  test(
    'with setup: required, hosts that were never set up are refused before anything is begun',
    async () => {
      const { code, said } = await deploy('v0', { inputs: { setup: 'required' } })
      expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('[HOST_NOT_SET_UP]') })
      for (const host of ground.hosts) expect(said).toContain(ground.nameOf(host))
      expect(said).toContain('mode: setup')
      expect(await containers()).toEqual(['', '', ''])
    },
    longMs,
  )

  test(
    'switchyard setup prepares them, says what it found, did and opened, and leaves no lease',
    async () => {
      const { code, said } = await cli(['setup'])
      expect({ code, said }).toEqual({ code: 0, said: expect.any(String) })
      for (const host of ground.hosts) {
        const name = ground.nameOf(host)
        expect(said).toMatch(new RegExp(`^${name}: Docker Engine \\d+\\.\\d+`, 'm'))
        expect(said).toMatch(new RegExp(`^${name}: started HAProxy .* on 0\\.0\\.0\\.0:${port}$`, 'm'))
        expect(said).toMatch(new RegExp(`^${name}: state in /.*open to clients: 0\\.0\\.0\\.0:${port} `, 'm'))
        expect((await host.docker('ps', '--quiet')).split('\n')).toHaveLength(1)
      }
      expect(await heldBy()).toEqual(['by nobody', 'by nobody', 'by nobody'])
      const before = await containers()
      expect((await cli(['setup'])).said.match(/everything is there already/g)).toHaveLength(3)
      expect(await containers()).toEqual(before)
    },
    longMs,
  )

  test(
    'setup of a host whose user may not speak to the engine says so, and sets the others up',
    async () => {
      const hosts = [one.sshd.address('plain'), two.sshd.address('deploy')].join('\n')
      const { code, said } = await cli(['setup'], { inputs: { hosts, app: 'other', listen: '0.0.0.0:8090' } })
      expect(code).toBe(1)
      expect(said).toContain('[DOCKER_REFUSED]')
      expect(said).toContain('group docker')
      expect(said).toMatch(new RegExp(`^${ground.nameOf(two)}: started HAProxy`, 'm'))
    },
    longMs,
  )

  test(
    'a first and a second release go live on all; no request is lost',
    async () => {
      const first = await deploy('v1')
      expect({ code: first.code, said: first.said }).toMatchObject({ code: 0 })
      expect(await versions()).toEqual(all('v1'))
      for (const host of ground.hosts)
        loads.push(
          await startLoad(
            { url: `http://127.0.0.1:${port}`, rate: 30, connections: 4, intervalMs: 250 },
            undefined,
            host.within,
          ),
        )
      const second = await deploy('v2', { inputs: { setup: 'required' } })
      expect(second).toMatchObject({ code: 0 })
      expect(await versions()).toEqual(all('v2'))
      expect(JSON.parse(second.out)).toMatchObject({ verdict: 'pass', release: { version: 'v2' } })
      // One shifts after the other.
      const shifts = second.lines.filter((line) => /: (?:▸|✓) (?:shift|confirm)/.test(line))
      expect(shifts).toHaveLength(12)
      for (let at = 0; at < 12; at += 4)
        expect(new Set(shifts.slice(at, at + 4).map((line) => line.split(': ')[0])).size).toBe(1)
      expect(await lost()).toEqual([0, 0, 0])
    },
    longMs,
  )

  test(
    'a release that is sick on one host alone goes live on none',
    async () => {
      const name = ground.nameOf(three)
      const isGate = (line: string) => line.startsWith(`${name}: ▸ gate`)
      const freeze = async () => {
        const [id = ''] = (await three.docker('ps', '--quiet', '--latest')).split('\n')
        process.kill(Number(await three.docker('inspect', '--format={{.State.Pid}}', id)), 'SIGSTOP')
      }
      const { code, said } = await deploy(
        'v3-sick',
        { inputs: { deadline: '4s' }, killAt: (line) => void (isGate(line) && freeze()) },
        { 'start-delay': 1500 },
      )
      expect(code).toBe(1)
      expect(said).toMatch(new RegExp(`^\\[GATE_FAILED\\] ${name}: `, 'm'))
      expect(said).not.toMatch(/▸ shift/)
      expect(await versions()).toEqual(all('v2'))
      expect(await lost()).toEqual([0, 0, 0])
      expect(await heldBy()).toEqual(['by nobody', 'by nobody', 'by nobody'])
    },
    longMs,
  )

  test(
    'with a host that cannot be reached nothing is changed on any; status shows the others',
    async () => {
      const before = await containers()
      await two.link('down')
      try {
        const { code, said } = await deploy('v3')
        expect(code).toBe(1)
        expect(said).toContain('[HOST_UNREACHABLE]')
        expect(said).toContain(`${ground.nameOf(two)} cannot be reached`)
        expect(said).toContain('nothing was changed on any host')
        expect(await containers()).toEqual(before)
        const looked = await cli(['status'])
        expect(looked.code).toBe(1)
        expect(looked.out).toContain(`${ground.nameOf(two)}\n[HOST_UNREACHABLE]`)
        expect(looked.out.match(/100 %  running  v2/g)).toHaveLength(2)
      } finally {
        await two.link('up')
      }
      expect(await versions()).toEqual(all('v2'))
      expect(await lost()).toEqual([0, 0, 0])
    },
    longMs,
  )

  test(
    'a run that is killed in the middle of the shifts: the next one brings all to one release',
    async () => {
      let shifts = 0
      const killed = await deploy('v3', { killAt: (line) => /: ▸ shift /.test(line) && ++shifts === 2 })
      expect(killed.code).toBeNull()
      await sleep(500)
      console.log(`after the kill: ${(await versions()).join(', ')}`)
      const next = await deploy('v4')
      expect({ code: next.code, said: next.said }).toMatchObject({ code: 0 })
      expect(await versions()).toEqual(all('v4'))
      expect(await lost()).toEqual([0, 0, 0])
    },
    longMs,
  )

  test(
    'rollback brings all back, without an argument; history and logs stand under each name',
    async () => {
      const { code, out } = await cli(['rollback', '--json'])
      expect(code).toBe(0)
      const { release } = JSON.parse(out) as { release: { version: string } }
      expect(await versions()).toEqual(all(release.version))
      expect(release.version).toMatch(/^v[23]$/)
      const history = await cli(['history'])
      const logs = await cli(['logs'])
      for (const host of ground.hosts) {
        expect(history.out).toContain(`${ground.nameOf(host)}\n`)
        expect(logs.out).toMatch(
          new RegExp(`^${ground.nameOf(host)}\n(?:.*\n)*?.*shop ${release.version} listens`, 'm'),
        )
      }
      expect(history.out.match(/ rollback /g)).toHaveLength(3)
      expect(await lost()).toEqual([0, 0, 0])
    },
    longMs,
  )

  test(
    'a run that is killed in the middle of the shifts: its post takes all back, or finishes on all',
    async () => {
      const [before] = await versions()
      let shifts = 0
      await deploy('v4-killed', { killAt: (line) => /: ▸ shift /.test(line) && ++shifts === 3 })
      const between = await versions()
      await post()
      console.log(`after the kill: ${between.join(', ')}; after its post: ${(await versions()).join(', ')}`)
      expect(await versions()).toEqual(all(before ?? ''))
      expect(await lost()).toEqual([0, 0, 0])
      expect(await heldBy()).toEqual(['by nobody', 'by nobody', 'by nobody'])
    },
    longMs,
  )

  /** The post step of the deploy, as the runner starts it after a step that was killed. */
  const post = async () => {
    const inputs: Record<string, string> = { ...target, ...brisk, ...ground.inputs(), release: ground.release('v4') }
    const session = {
      ...sessionOf(inputs, { GITHUB_WORKSPACE: one.folder, USER: 'tester' }),
      ...{ stage: 'post' as const, kept: () => 'deploy', signal: AbortSignal.timeout(60_000) },
    }
    await deployCommand(session, await readSettings(action, session))
  }

  test(
    'stage gives a preview of each host, and reject sends the release away again',
    async () => {
      const before = await versions()
      const staged = await deploy('v5', { inputs: { mode: 'stage' } })
      expect(staged.code).toBe(0)
      const { 'preview-url': previews } = JSON.parse(staged.out) as { 'preview-url': string }
      expect(previews.split('\n')).toHaveLength(3)
      expect((await cli(['reject'])).code).toBe(0)
      expect(await versions()).toEqual(before)
      expect(await lost()).toEqual([0, 0, 0])
    },
    longMs,
  )

  test(
    'in all, no request was lost on any host, and none reached the sick release',
    async () => {
      for (const load of loads.splice(0)) {
        const total = await load.stop()
        console.log(`sent ${total.sent}, lost ${total.lost}, bad ${total.bad}, longest gap ${total.longestGap.ms} ms`)
        expect([total.lost, total.bad]).toEqual([0, 0])
        expect(Object.keys(total.seen)).not.toContain('v3-sick')
        expect(total.good).toBeGreaterThan(500)
      }
    },
    longMs,
  )

  test(
    'with an engine that died, nothing is changed on the other hosts',
    async () => {
      const engine = join(three.folder, 'engine')
      const before = (await containers()).slice(0, 2)
      process.kill(Number(await readFile(join(engine, 'pid'), 'utf8')), 'SIGKILL')
      try {
        // Of an app that is new there, so that even a router would be seen.
        const { code, said } = await deploy('v1', { inputs: { app: 'fresh', listen: '0.0.0.0:8095' } })
        expect(code).toBe(1)
        expect(said).toMatch(new RegExp(`^\\[DOCKER_MISSING\\] ${ground.nameOf(three)}: `, 'm'))
        expect(said).not.toMatch(/▸/)
        expect(await Promise.all([one, two].map(listed))).toEqual(before)
      } finally {
        // It ends what a killed one left running, which may take a moment to be gone.
        const again = () => launch(engine, 'bridge0', three.within)
        await again().catch(() => sleep(2_000).then(again))
      }
    },
    longMs,
  )

  test(
    'one machine under two names, and the same name twice, are refused',
    async () => {
      const address = one.sshd.address('deploy')
      const twice = await cli(['status'], { inputs: { hosts: `${address}\nssh://${address}` } })
      expect(twice.said).toMatch(/^\[INPUT_CONFLICT\] hosts: .* is named twice/m)

      // 10.1.258 is 10.1.1.2 as well.
      const [first = '', second = '', third, fourth] = one.ip.split('.')
      const other = `${first}.${second}.${Number(third) * 256 + Number(fourth)}`
      const inputs = {
        hosts: `${address}\n${address.replace(one.ip, other)}`,
        'known-hosts': `${one.sshd.knownHosts}${one.sshd.knownHosts.replace(one.ip, other)}`,
      }
      const before = await listed(one)
      const twins = await deploy('v7', { inputs })
      expect(twins.said).toMatch(/^\[INPUT_CONFLICT\] hosts: .* and .* are the same machine/m)
      expect(await listed(one)).toBe(before)
    },
    longMs,
  )
})
