import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bundles, type Bundle } from '../bundles.ts'
import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'

const noModule = /Cannot find (module|package)|ERR_MODULE_NOT_FOUND|ERR_PACKAGE/

/** Every bundle of the last commit starts from the archive that a user's runner downloads, with no packages anywhere near. */
export const start: Check = {
  name: 'start',
  run: async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'switchyard-start-')))
    try {
      const problem = await unpack(folder)
      if (problem) return [problem]
      return (await Promise.all(bundles.map((bundle) => tryStart(bundle, folder)))).flat()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}

async function unpack(folder: string): Promise<string | undefined> {
  const archive = join(folder, 'archive.tar')
  const packed = await run(['git', 'archive', '--format=tar', '--output', archive, 'HEAD'], { cwd: root })
  if (packed.code !== 0) return `HEAD: git archive failed: ${packed.output.trim()}`
  const suite = join(folder, 'suite')
  await mkdir(suite)
  const unpacked = await run(['tar', '-xf', archive, '-C', suite], { cwd: folder })
  return unpacked.code === 0 ? undefined : `HEAD: the archive cannot be unpacked: ${unpacked.output.trim()}`
}

async function tryStart({ name, kind }: Bundle, folder: string): Promise<readonly string[]> {
  const file = `dist/${name}/index.js`
  const workspace = join(folder, `workspace-${name}`)
  await mkdir(workspace)
  const { code, output } = await run(
    [process.execPath, join(folder, 'suite', file), ...(kind === 'command' ? ['--help'] : [])],
    {
      cwd: workspace,
      env: { PATH: dirname(process.execPath), HOME: workspace, RUNNER_TEMP: workspace },
      timeoutMs: 30_000,
    },
  )

  const problems: string[] = []
  if (noModule.test(output)) problems.push('needs a module that is not in it')
  if (kind === 'command' ? code !== 0 : kind === 'action' ? code !== 1 : code === 0)
    problems.push(`ended with exit code ${code}`)
  if (kind === 'action' && !/^::error::\[[A-Z][A-Z0-9_]+\] \S/m.test(output))
    problems.push('printed no line "::error::[CODE] …"')
  if (kind !== 'action' && !/usage/i.test(output)) problems.push('printed no usage')
  const said = output.trim().split('\n').slice(-3).join(' / ').slice(0, 500)
  return problems.map((problem) => `${file}: ${problem}; it said: ${said}`)
}
