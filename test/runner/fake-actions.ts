import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A tiny action of a test: what its main and its post do, as JavaScript modules. */
export interface FakeAction {
  readonly main: string
  readonly post?: string
  /** Inputs and their defaults. */
  readonly inputs?: Readonly<Record<string, string>>
}

/** Writes a repository of actions as this project's is laid out. */
export async function writeActions(
  actions: Readonly<Record<string, FakeAction>>,
): Promise<{ root: string; remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'switchyard-fake-actions-'))
  for (const [name, { main, post, inputs = {} }] of Object.entries(actions)) {
    const dist = join(root, 'dist', name)
    await mkdir(join(root, 'actions', name), { recursive: true })
    await mkdir(join(dist, 'node_modules', 'left-behind'), { recursive: true })
    await writeFile(join(dist, 'package.json'), '{"type":"module"}')
    await writeFile(join(dist, 'index.js'), main)
    if (post !== undefined) await writeFile(join(dist, 'post.js'), post)
    const metadata = {
      name,
      description: 'of a test',
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([key, value]) => [key, { description: key, default: value }]),
      ),
      runs: {
        using: 'node24',
        main: `../../dist/${name}/index.js`,
        ...(post === undefined ? {} : { post: `../../dist/${name}/post.js` }),
      },
    }
    await writeFile(join(root, 'actions', name, 'action.yml'), JSON.stringify(metadata))
  }
  return { root, remove: () => rm(root, { recursive: true, force: true }) }
}
