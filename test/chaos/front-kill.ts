import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemEnvironment } from '../components/docker.ts'
import type { SeveralApps } from '../routers/several-apps-world.ts'

/** When a deploy is killed: right after so many changes to what the host's front keeps, or so many lines about its steps. */
export type FrontMoment = { readonly afterChanges: number } | { readonly afterLines: number }

export interface AppRun {
  readonly app: string
  readonly version: string
  readonly routes: readonly string[]
  readonly fault?: object
  readonly killAt?: FrontMoment
}

export interface AppEnd {
  readonly code: number | null
  readonly wasKilled: boolean
  /** What it did last before it was killed. */
  readonly last: string
  /** How many moments of either kind it came by. */
  readonly changes: number
  readonly steps: number
  readonly said: string
}

const program = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'main.ts')
const limitMs = 120_000
const boundary = /^(▸|↩| {2}[✓✗])/

/** Deploys an app as a process of its own, which can be killed; its children live on. */
export async function runApp(world: SeveralApps, run: AppRun): Promise<AppEnd> {
  const seen = { changes: 0, steps: 0, last: '' }
  const killAt = run.killAt ?? { afterLines: Infinity }
  let strike: () => void = () => undefined
  let wasKilled = false
  const check = (last: string) => {
    if (wasKilled) return
    seen.last = last
    const isDue = 'afterLines' in killAt ? seen.steps >= killAt.afterLines : seen.changes >= killAt.afterChanges
    if (!isDue) return
    wasKilled = true
    strike()
  }
  const watchers = await watchFront(world, (file) => {
    seen.changes += 1
    check(file)
  })
  try {
    const child = spawn(process.execPath, [program, 'deploy', '--json'], {
      env: { ...systemEnvironment(), ...inputsOf(world, run), GITHUB_WORKSPACE: world.folder, USER: 'tester' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    })
    strike = () => child.kill('SIGKILL')
    const lines: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      if (!boundary.test(line)) return
      seen.steps += 1
      check(line)
    })
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    return { ...seen, code, wasKilled: wasKilled && code === null, said: lines.slice(-20).join('\n') }
  } finally {
    for (const watcher of watchers) watcher.close()
  }
}

/** Each effect that begins in the folder of the host's front, and each file that it leaves: its lease, its record, what it reads. */
async function watchFront(
  { folder }: SeveralApps,
  changed: (file: string) => void,
): Promise<readonly { close(): void }[]> {
  const root = join(folder, 'state', 'ingress')
  const begun = new Set<string>()
  return Promise.all(
    ['.', 'haproxy', 'lease'].map(async (name) => {
      await mkdir(join(root, name), { recursive: true })
      return watch(join(root, name), (event, file) => {
        if (event !== 'rename' || file === null || /\.(out|err|part|new)$/.test(file)) return
        const isEffect = file.startsWith('work.')
        if (isEffect && begun.has(file)) return
        begun.add(file)
        changed(isEffect ? 'an effect began' : join(name, file))
      })
    }),
  )
}

function inputsOf(world: SeveralApps, { app, version, routes, fault }: AppRun): Readonly<Record<string, string>> {
  const usual = world.inputs(app)
  const inputs = {
    ...{ app, environment: usual.environment, target: 'docker', 'router-image': usual['router-image'] },
    ...{ 'state-dir': usual['state-dir'] ?? '', routes: routes.join('\n'), 'http-listen': `127.0.0.1:${world.port}` },
    ...{ tls: 'off', bake: '0', drain: '3s', successes: '3', deadline: fault === undefined ? '20s' : '3s' },
    release: JSON.stringify({ version, services: { web: world.release(app, version).services[0]?.ref ?? '' } }),
    env: `VERSION=${version}${fault === undefined ? '' : `\nFAULT=${JSON.stringify(fault)}`}`,
  }
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase().replaceAll('-', '_')}`, value]),
  )
}
