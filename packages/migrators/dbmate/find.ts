import { join } from 'node:path'
import { Failure, asFailure } from '#kernel'
import type { MigratorContext } from '../index.ts'
import { fetchDbmate } from './fetch.ts'

/**
 * The dbmate to run: the one named, else the project's own (its lockfile chose the version), else one in PATH, else a pinned
 * one fetched into the tool cache. The binary itself is preferred to its Node wrapper, which takes eight times as long to start.
 * @throws Failure COMMAND_MISSING naming where it was looked for.
 */
export async function findDbmate(context: MigratorContext): Promise<string> {
  const modules = join(context.project, 'node_modules')
  const places = context.program
    ? [context.program]
    : [join(modules, '@dbmate', `linux-${process.arch}`, 'bin', 'dbmate'), join(modules, '.bin', 'dbmate'), 'dbmate']
  for (const place of places) if (await answers(context, place)) return place
  if (!context.program && context.mayFetch) return fetchDbmate(context.shell)
  throw new Failure('COMMAND_MISSING', `dbmate was not found: ${places.join(', ')}`, {
    field: 'tool',
    hint: 'Add it to the project (npm install --save-dev dbmate) and install the dependencies before this step.',
  })
}

async function answers({ shell }: MigratorContext, program: string): Promise<boolean> {
  try {
    const { stdout, stderr } = await shell.run({ argv: [program, '--version'], timeoutMs: 15_000 })
    const version = /dbmate version (\d+)\.\d+\.\d+/.exec(stdout + stderr)
    if (Number(version?.[1]) === 2) return true
    throw new Failure('COMMAND_FAILED', `${program} is not dbmate 2: ${(stdout + stderr).trim().slice(0, 100)}`, {
      hint: 'Install dbmate 2, for example npm install --save-dev dbmate@2.',
    })
  } catch (thrown) {
    if (asFailure(thrown).code === 'COMMAND_MISSING') return false
    throw thrown
  }
}
