import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemEnvironment } from '../components/docker.ts'
import { describeWith } from '../components/require.ts'
import { isLong } from '../long.ts'
import { lines, writeProject } from './compose-world.ts'
import { dockerShop } from './docker-shop.ts'
import type { DockerShop } from './docker-shop.ts'

const longMs = 180_000
const program = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'index.js')
type Killed = 'node alone' | 'all that it started'
/** Who is killed, and what the next run is asked for. */
const cases: readonly (readonly [string, Killed, string | null])[] = [
  ['the same release', 'all that it started', 'v2'],
  ['another release', 'node alone', 'v3'],
  ['a rollback', 'all that it started', null],
]
const more: typeof cases = [
  ['the same release', 'node alone', 'v2'],
  ['another release', 'all that it started', 'v3'],
  ['a rollback', 'node alone', null],
]

/**
 * A real hand-over is cut by SIGKILL where the old worker has ended and the new one is not there yet. A docker that waits before it starts a
 * worker keeps that moment open.
 */
describeWith('dockerd', 'a kill in the middle of a hand-over', () => {
  let shop: DockerShop
  let bin = ''
  let hold = ''

  beforeAll(async () => {
    shop = await dockerShop()
    bin = join(shop.place.folder, 'bin')
    hold = join(shop.place.folder, 'hold')
    const services = {
      web: { port: 3000, health: '/health' },
      worker: { overlap: 'never', command: 'sleep 600', init: true },
    }
    await writeProject(shop.place.folder, { '.github/switchyard.yml': JSON.stringify({ services }) })
    const real = whereDockerIs()
    const waiting = String.raw`#!/bin/sh
case " $* " in
  " run "*"switchyard.service=worker "* | " start "*-worker-0*)
    : > "$HOLD/reached"
    while [ -d "$HOLD" ] && [ ! -e "$HOLD/go" ]; do sleep 0.05; done
    ;;
esac
exec ${real} "$@"
`
    await writeProject(bin, { docker: waiting })
    await chmod(join(bin, 'docker'), 0o755)
  }, longMs)
  afterAll(async () => {
    await rm(hold, { recursive: true, force: true })
    await shop?.close()
  }, longMs)
  beforeEach(async () => {
    await rm(hold, { recursive: true, force: true })
    await mkdir(hold)
  })

  const told = (version: string) => ({
    release: JSON.stringify({ version, services: { web: shop.place.shop, worker: shop.place.shop } }),
    env: `VERSION=${version}`,
  })
  const start = (words: readonly string[], inputs: Readonly<Record<string, string>>, isHeld = false) => {
    const { place, port } = shop
    const given = {
      ...{ app: place.app, environment: 'test', 'state-dir': join(place.folder, 'deployed'), target: 'docker' },
      ...{
        'router-image': shop.inputs['router-image'],
        listen: `127.0.0.1:${port}`,
        drain: '1s',
        successes: '3',
        bake: '0',
      },
      ...inputs,
    }
    const some = words[0] === 'rollback' ? ['app', 'environment', 'state-dir', 'drain'] : Object.keys(given)
    const known = Object.entries(given).filter(([name]) => some.includes(name))
    const environment = systemEnvironment()
    const child = spawn(process.execPath, [program, ...words], {
      env: {
        ...environment,
        ...Object.fromEntries(
          known.map(([name, value]) => [`INPUT_${name.toUpperCase().replaceAll('-', '_')}`, value]),
        ),
        ...{ GITHUB_WORKSPACE: place.folder, USER: 'tester', DOCKER_HOST: place.engine.host, HOLD: hold },
        ...(isHeld ? { PATH: `${bin}${delimiter}${environment['PATH'] ?? ''}` } : {}),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longMs,
      killSignal: 'SIGKILL',
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const done = exited.then(() => ({ code: child.exitCode, said }))
    return { pid: child.pid ?? 0, done }
  }
  const finished = async (words: readonly string[], inputs: Readonly<Record<string, string>> = {}) => {
    const { code, said } = await start(words, inputs).done
    if (code !== 0) throw new Error(said.slice(-3_000))
  }
  const workers = async () =>
    lines(
      await shop.place.docker(
        ...['ps', '--format={{.Label "switchyard.slot"}}', `--filter=label=switchyard.app=${shop.place.app}`],
        ...['--filter=label=switchyard.service=worker', '--filter=status=running'],
      ),
    )
  const liveSlot = async () => ((await (await shop.open()).router.read()).green === 100 ? 'green' : 'blue')

  /** Deploys up to the moment where no worker runs, and kills there. */
  const cutShort = async (version: string, what: Killed) => {
    const run = start(['deploy'], told(version), true)
    await until(() => existsSync(join(hold, 'reached')))
    expect(await workers()).toEqual([])
    const pids = what === 'node alone' ? [run.pid] : [run.pid, ...(await descendants(run.pid))]
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await run.done
    if (what === 'all that it started') expect(await workers()).toEqual([])
  }

  /** Does something and sees how many workers ran at once. */
  const watched = async (work: () => Promise<void>) => {
    let [most, isOn] = [0, true]
    const watching = (async () => {
      for (; isOn; await sleep(100)) most = Math.max(most, (await workers()).length)
    })()
    try {
      await work()
    } finally {
      isOn = false
      await watching
    }
    return most
  }

  test(
    'two releases, one after the other: the worker moves',
    async () => {
      await finished(['deploy'], told('v0'))
      await finished(['deploy'], told('v1'))
      expect(await workers()).toEqual([await liveSlot()])
    },
    longMs,
  )

  test.each(isLong ? [...cases, ...more] : cases)(
    '%s, after a kill of %s: exactly one worker runs, where the traffic goes',
    async (_next, what, next) => {
      const cut = next === null || next === 'v3' ? 'v2x' : next
      const before = await shop.version()
      await cutShort(`${cut}-${what.length}`, what)
      const most = await watched(async () => {
        const words = next === null ? ['rollback'] : ['deploy']
        const version = next === 'v3' ? `v3-${what.length}` : `${cut}-${what.length}`
        const run = start(words, next === null ? {} : told(version))
        // What the killed run had begun on the host comes to its end first: the host's lock is its own.
        if (what === 'node alone') await sleep(500)
        await writeFile(join(hold, 'go'), '')
        const { code, said } = await run.done
        expect(code === 0 ? '' : said.slice(-3_000)).toBe('')
        expect(await shop.version()).toBe(next === null ? before : version)
      })
      expect(most).toBe(1)
      expect(await workers()).toEqual([await liveSlot()])
    },
    longMs,
  )
})

function whereDockerIs(): string {
  const folders = (systemEnvironment()['PATH'] ?? '').split(delimiter)
  const found = folders.map((folder) => join(folder, 'docker')).find((path) => existsSync(path))
  if (found === undefined) throw new Error('no docker in PATH')
  return found
}

async function until(isSo: () => boolean): Promise<void> {
  for (let attempt = 1; !isSo(); attempt += 1) {
    if (attempt === 600) throw new Error('it did not come to be')
    await sleep(50)
  }
}

/** Everything that a process has started, and what that has. */
async function descendants(pid: number): Promise<readonly number[]> {
  const children = new Map<number, number[]>()
  for (const each of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${each}/stat`, 'latin1').catch(() => '')
    const parent = Number(/\) \S (\d+) /.exec(stat)?.[1] ?? 0)
    children.set(parent, [...(children.get(parent) ?? []), Number(each)])
  }
  const below = (of: number): number[] => (children.get(of) ?? []).flatMap((each) => [each, ...below(each)])
  return below(pid)
}
