import { cp, mkdir, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

const left = new Set(['node_modules', '.git'])

/**
 * Makes the folder that the runner downloads: what a consumer's tarball holds of the actions (the metadata and `dist/`),
 * without node_modules and without anything that is only on the developer's machine.
 */
export async function copyActions(root: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true })
  for (const name of ['action.yml', 'package.json', 'dist']) {
    const source = join(root, name)
    if (await exists(source))
      await cp(source, join(target, name), { recursive: true, filter: (path) => !left.has(basename(path)) })
  }
  const actions = join(root, 'actions')
  for (const name of (await exists(actions)) ? await readdir(actions) : []) {
    const metadata = join(actions, name, 'action.yml')
    if (!(await exists(metadata))) continue
    await mkdir(join(target, 'actions', name), { recursive: true })
    await cp(metadata, join(target, 'actions', name, 'action.yml'))
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
