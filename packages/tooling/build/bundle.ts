// Bundles one program: node bundle.ts NAME ENTRY.js OUT. Started once per bundle, with the folder of emitted files as the
// working directory: webpack names modules by their path from there, so the bytes do not depend on where the checkout lies.
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import ncc from '@vercel/ncc'
import { minify } from 'terser'
import { bundles } from '../bundles.ts'

const [name = '', entry = '', out = ''] = process.argv.slice(2)

const { code, assets } = await ncc(join(process.cwd(), entry), {
  cache: false,
  esm: true,
  quiet: true,
  target: 'es2022',
  license: 'licenses.txt',
})

await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })

const index = join(out, 'index.js')
const kind = bundles.find((bundle) => bundle.name === name)?.kind
const executable = kind === 'command'
await writeFile(index, (executable ? '#!/usr/bin/env node\n' : '') + (await shrink(code.replace(/^#!.*\n/, ''))))
if (executable) await chmod(index, 0o755)
// The runner does not tell a program whether it is the post step, and a main step that was killed at once has left no state to tell
// it by: with the same program for both, the post of a cancelled job would do the whole work.
if (kind === 'action')
  await writeFile(join(out, 'post.js'), "process.env.STATE_stage = 'main'\nawait import('./index.js')\n")

for (const [file, { source }] of Object.entries(assets)) {
  const path = join(out, file)
  await mkdir(dirname(path), { recursive: true })
  // Ncc's own minifier leaves the chunks of lazily imported modules as they are.
  await writeFile(path, file.endsWith('.js') ? await shrink(source.toString()) : source)
}

/**
 * Only the simple transformations: they give nearly all of the size in half of the time (554 kB in 5.0 s with all, 576 kB in
 * 2.4 s with these, 651 kB in 1.9 s with none). Names of functions and classes are kept: stack traces stay readable, and
 * libraries compare constructor names.
 */
async function shrink(source: string): Promise<string> {
  const { code } = await minify(source, {
    module: true,
    ecma: 2020,
    keep_classnames: true,
    keep_fnames: true,
    compress: {
      defaults: false,
      conditionals: true,
      dead_code: true,
      evaluate: true,
      join_vars: true,
      sequences: true,
      unused: true,
    },
    format: { ascii_only: true, comments: false },
  })
  if (code === undefined) throw new Error(`nothing left of a file of ${name} after minification`)
  return `${code}\n`
}
