// npm run generate [-- --check]: action.yml files, README tables and the JSON Schema, from the zod objects that are their only source.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generated } from './generate/generated.ts'
import { root } from './root.ts'

const check = process.argv.includes('--check')
let stale = 0

for (const [file, content] of await generated()) {
  const path = join(root, file)
  const present = await readFile(path, 'utf8').catch(() => undefined)
  if (present === content) continue
  stale += 1
  if (check) {
    console.log(`${file}: ${present === undefined ? 'is missing' : 'is stale'} (npm run generate)`)
  } else {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    console.log(`wrote ${file}`)
  }
}

if (check && stale > 0) process.exitCode = 1
