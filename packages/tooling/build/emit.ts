import { cp, glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import ts from 'typescript'
import { root } from '../root.ts'

/**
 * Type-checks the entries and everything they import, and writes them as JavaScript into a folder, laid out like the repository.
 * One check for all bundles: ncc's own would check the whole project again for each (8 s a bundle; this takes 3 s once).
 *
 * @throws Error with every type error, by file and line
 */
export async function emit(entries: readonly string[], folder: string): Promise<void> {
  const { options, fileNames } = readConfig()
  const program = ts.createProgram({
    // Declarations of modules that carry no types are imported by nobody.
    rootNames: [...entries.map((entry) => join(root, entry)), ...fileNames.filter((file) => file.endsWith('.d.ts'))],
    options: { ...options, noEmit: false, noEmitOnError: true, outDir: folder, rootDir: root },
  })
  const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics]
  if (problems.length > 0) throw new Error(format(problems))

  await writePackage(folder)
  await copyAssets(folder)
  await declarePure(folder, '@actions/core')
}

/**
 * Lets the bundler leave out the modules of a library that nothing uses; the library does not say of itself that loading them does
 * nothing. The runner's library would bring an HTTP client into every bundle otherwise, for a token that nobody asks for: two
 * thirds of its size, and half of the time it takes to start.
 */
async function declarePure(folder: string, library: string): Promise<void> {
  const copy = join(folder, 'node_modules', library)
  await cp(join(root, 'node_modules', library), copy, { recursive: true })
  const path = join(copy, 'package.json')
  const description = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, JSON.stringify({ ...description, sideEffects: false }))
}

function readConfig(): ts.ParsedCommandLine {
  const path = join(root, 'tsconfig.json')
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file)) as { config: unknown }
  return ts.parseJsonConfigFileContent(config, ts.sys, root)
}

function format(problems: readonly ts.Diagnostic[]): string {
  return ts.formatDiagnostics(ts.sortAndDeduplicateDiagnostics(problems), {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  })
}

/** The names that begin with # lead to the sources; among the emitted files they must lead to JavaScript. */
async function writePackage(folder: string): Promise<void> {
  const { type, imports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    type: string
    imports: Record<string, string>
  }
  const emitted = Object.entries(imports).map(([name, path]) => [name, path.replace(/\.ts$/, '.js')])
  await writeFile(
    join(folder, 'package.json'),
    // No module of ours does anything by being loaded but the entries: what a bundle does not use is left out of it.
    JSON.stringify({ type, sideEffects: false, imports: Object.fromEntries(emitted) as unknown }),
  )
}

/** Files that code refers to by `new URL(…, import.meta.url)`, such as a shell program. */
async function copyAssets(folder: string): Promise<void> {
  for await (const file of glob('{actions,packages}/**/*.*', { cwd: root, exclude: ['packages/tooling/**'] })) {
    if (['.ts', '.md', '.yml'].includes(extname(file))) continue
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await cp(join(root, file), join(folder, file))
  }
}
