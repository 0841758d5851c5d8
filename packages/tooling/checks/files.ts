import { join } from 'node:path'
import { root } from '../root.ts'
import { run } from '../run.ts'

/** Every file of the repository as it stands in the folder: tracked, or new and not ignored. Paths from the root. */
export async function repositoryFiles(): Promise<readonly string[]> {
  const { code, output } = await run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  })
  if (code !== 0) throw new Error(`git ls-files failed: ${output.trim()}`)
  return [...new Set(output.split('\0').filter(Boolean))].sort()
}

/** A program of node_modules, run by this Node. */
export function tool(path: string): [string, string] {
  return [process.execPath, join(root, 'node_modules', path)]
}

/** The lines of a tool's output that say something, or one that says how it ended. */
export function complaints(name: string, code: number, output: string): readonly string[] {
  if (code === 0) return []
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  return lines.length > 0 ? lines : [`${name} ended with exit code ${code} and said nothing`]
}
