import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'
import type { Figure } from './statistics.ts'

const project = join(import.meta.dirname, '..', '..')
const rounds = 15

/** Runs a program to its end; gives its wall time in ms. */
export function timed(program: string, environment: NodeJS.ProcessEnv): Promise<{ ms: number; code: number | null }> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program], { env: environment, stdio: 'ignore', timeout: 60_000 })
    child.once('error', reject)
    child.once('exit', (code) => resolve({ ms: performance.now() - began, code }))
  })
}

/** Start of a working run (`mode: plan`) and of one that ends in a missing input, against a bundle that only imports @actions/core. */
export async function starts(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-bench-'))
  try {
    const bare = await bareBundle(folder)
    const deploy = join(project, 'dist', 'deploy-bluegreen', 'index.js')
    const digest = 'a'.repeat(64)
    const archive = join(folder, 'a.tar.gz')
    await writeFile(archive, '')
    const base = { PATH: process.env['PATH'], HOME: folder, GITHUB_WORKSPACE: folder, GITHUB_REPOSITORY: 'acme/shop' }
    const plan = {
      ...base,
      INPUT_MODE: 'plan',
      INPUT_TARGET: 'process',
      INPUT_COMMAND: 'node server.mjs',
      INPUT_RELEASE: `${archive}@sha256:${digest}`,
      'INPUT_STATE-DIR': join(folder, 'state'),
    }
    const times = { bare: [] as number[], missing: [] as number[], plan: [] as number[] }
    for (let round = 0; round < rounds + 1; round++) {
      const [first, second, third] = [await timed(bare, base), await timed(deploy, base), await timed(deploy, plan)]
      if (first.code !== 0 || second.code !== 1 || third.code !== 0)
        throw new Error(`a start ended with ${first.code}, ${second.code}, ${third.code}`)
      if (round === 0) continue
      times.bare.push(first.ms)
      times.missing.push(second.ms)
      times.plan.push(third.ms)
    }
    const core = median(times.bare)
    const detail = `medians of ${rounds}, in turn; only @actions/core: ${core.toFixed(0)} ms`
    return [
      {
        what: 'start that ends in a missing input',
        value: median(times.missing) / core,
        unit: '×',
        aim: 1.3,
        detail: `${median(times.missing).toFixed(0)} ms; ${detail}`,
      },
      {
        what: 'start of a working run (mode: plan, process, embedded)',
        value: median(times.plan) / core,
        unit: '×',
        aim: 1.3,
        detail: `${median(times.plan).toFixed(0)} ms, whole run`,
      },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function bareBundle(folder: string): Promise<string> {
  const source = join(project, 'test', 'bench', 'only-core.mjs')
  const ncc = join(project, 'node_modules', '@vercel', 'ncc', 'dist', 'ncc', 'cli.js')
  const { code } = await new Promise<{ code: number | null }>((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [ncc, 'build', source, '-m', '--target', 'es2022', '-q', '-o', join(folder, 'core')],
      { cwd: project, stdio: 'ignore' },
    )
    child.once('error', reject)
    child.once('exit', (code) => resolve({ code }))
  })
  if (code !== 0) throw new Error('ncc could not build the bare bundle')
  return join(folder, 'core', 'index.mjs')
}
