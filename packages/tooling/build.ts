// npm run build [-- NAME…]: type-checks and bundles every program of the repository into dist/<name>.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { emit } from './build/emit.ts'
import { inPairs } from './build/in-pairs.ts'
import { bundles, type Bundle } from './bundles.ts'
import { root } from './root.ts'
import { run } from './run.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !bundles.some((bundle) => bundle.name === name))
if (unknown.length > 0) {
  console.error(`no such bundle: ${unknown.join(', ')} (there are: ${bundles.map(({ name }) => name).join(', ')})`)
  process.exit(1)
}

const wanted = bundles.filter(({ name }) => names.length === 0 || names.includes(name))
const buildable = wanted.filter(({ entry }) => existsSync(join(root, entry)))
for (const { name, entry } of wanted) {
  if (!existsSync(join(root, entry))) console.log(`${name.padEnd(18)} left out: there is no ${entry}`)
}

// Inside the checkout, so that node_modules is found; always at the same depth, so that the paths to it are the same everywhere.
await mkdir(join(root, '.cache'), { recursive: true })
const folder = await mkdtemp(join(root, '.cache', 'build-'))
try {
  const started = performance.now()
  await emit(
    buildable.map(({ entry }) => entry),
    folder,
  )
  console.log(`${'types'.padEnd(18)} ${seconds(started)}`)
  await inPairs(buildable, (bundle) => build(bundle, folder))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function build({ name, entry }: Bundle, folder: string): Promise<void> {
  const started = performance.now()
  const out = join(root, 'dist', name)
  const program = join(import.meta.dirname, 'build', 'bundle.ts')
  const { code, output } = await run([process.execPath, program, name, entry.replace(/\.ts$/, '.js'), out], {
    cwd: folder,
  })
  if (code !== 0) throw new Error(`${entry} cannot be bundled:\n${shorten(output)}`)
  console.log(`${name.padEnd(18)} ${seconds(started)}  ${Math.round((await sizeOf(out)) / 1024)} KiB`)
}

async function sizeOf(out: string): Promise<number> {
  const files = (await readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Node prints the failing line of ncc's own code, which is one line of megabytes. */
function shorten(output: string): string {
  const lines = output.split('\n').filter((line) => line.length < 2_000)
  return lines.join('\n').trim()
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`.padStart(7)
}
