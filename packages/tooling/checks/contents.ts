import { lstat, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from '../root.ts'
import type { Check } from './check.ts'
import { repositoryFiles } from './files.ts'

const limitBytes = 5 * 1024 * 1024

// Not written out: this file is searched as well.
const marks = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b`)

/** What no file may hold: too many bytes, a source map, a mark of unfinished work, a path of the machine it was made on. */
export const contents: Check = {
  name: 'contents',
  run: async () => {
    const files = await repositoryFiles()
    return (await Promise.all(files.map(look))).flat()
  },
}

async function look(file: string): Promise<readonly string[]> {
  const path = join(root, file)
  const state = await lstat(path).catch(() => undefined)
  if (!state?.isFile()) return []
  if (state.size > limitBytes) return [`${file}: is larger than 5 MiB`]

  const problems: string[] = []
  const text = await readFile(path, 'utf8')
  const line = (at: number) => text.slice(0, at).split('\n').length

  for (const place of machinePaths()) {
    const at = text.indexOf(place)
    if (at >= 0) problems.push(`${file}:${line(at)}: holds a path of this machine (${place})`)
  }
  if (file.startsWith('dist/')) {
    if (file.endsWith('.map') || text.includes('sourceMappingURL=')) problems.push(`${file}: a source map`)
  } else if (file !== 'package-lock.json') {
    const found = marks.exec(text)
    if (found) problems.push(`${file}:${line(found.index)}: ${found[0]}`)
  }
  return problems
}

/** A home folder such as /root stands in many an honest example; one that names a person does not. */
function machinePaths(): readonly string[] {
  return [root, homedir()].filter((path) => path.split('/').length > 2).map((path) => `${path}/`)
}
