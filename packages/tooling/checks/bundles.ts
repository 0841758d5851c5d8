import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { bundles } from '../bundles.ts'
import { root } from '../root.ts'
import { run } from '../run.ts'
import type { Check } from './check.ts'
import { complaints, repositoryFiles } from './files.ts'

const fix = '(npm run build)'

/** The bundles are, byte for byte, what their sources give in a clean folder elsewhere. */
export const bundlesCurrent: Check = {
  name: 'bundles',
  run: async () => {
    const missing = bundles
      .filter(({ entry }) => !existsSync(join(root, entry)))
      .map(({ entry }) => `${entry}: does not exist`)
    const clean = await realpath(await mkdtemp(join(tmpdir(), 'switchyard-clean-')))
    try {
      await copySources(clean)
      const { code, output } = await run([process.execPath, 'packages/tooling/build.ts'], { cwd: clean })
      if (code !== 0) return [...missing, ...complaints('build', code, output)]
      return [...missing, ...(await differences(join(root, 'dist'), join(clean, 'dist')))]
    } finally {
      await rm(clean, { recursive: true, force: true })
    }
  },
}

async function copySources(clean: string): Promise<void> {
  for (const file of await repositoryFiles()) {
    if (file.startsWith('dist/') || !existsSync(join(root, file))) continue
    await mkdir(dirname(join(clean, file)), { recursive: true })
    await cp(join(root, file), join(clean, file))
  }
  // Links to the same bytes: a copy of all packages would take longer than the build. Not every file system can.
  const [from, to] = [join(root, 'node_modules'), join(clean, 'node_modules')]
  const { code } = await run(['cp', '-al', from, to], { cwd: clean })
  if (code === 0) return
  await rm(to, { recursive: true, force: true })
  await cp(from, to, { recursive: true, verbatimSymlinks: true })
}

async function differences(present: string, wanted: string): Promise<readonly string[]> {
  const [have, want] = await Promise.all([readTree(present), readTree(wanted)])
  const files = [...new Set([...have.keys(), ...want.keys()])].sort()
  return files.flatMap((file) => {
    const [one, other] = [have.get(file), want.get(file)]
    if (one === undefined) return [`dist/${file}: is missing ${fix}`]
    if (other === undefined) return [`dist/${file}: comes from no source ${fix}`]
    return one.equals(other) ? [] : [`dist/${file}: differs from a clean build ${fix}`]
  })
}

async function readTree(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  if (!existsSync(folder)) return new Map()
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  return new Map(
    await Promise.all(
      entries.map(async ({ parentPath, name }): Promise<[string, Buffer]> => {
        const path = join(parentPath, name)
        return [relative(folder, path), await readFile(path)]
      }),
    ),
  )
}
