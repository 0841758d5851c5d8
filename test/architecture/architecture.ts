import { globSync } from 'node:fs'
import { basename } from 'node:path'
import type ts from 'typescript'
import { importsOf, parse, type Import } from './imports.ts'
import { findEnvironment, findImpurities } from './purity.ts'

const longest = 400
const longestEntry = 59
const highestMedian = 80

/** Where many packages are put together. All others import the kernel and themselves. */
const mayImportMany = ['suite', 'cli', 'tooling']

/** The only places that read the environment; everything else is handed what it needs. */
const mayReadEnvironment = [
  /^packages\/runner\//,
  /^packages\/tooling\//,
  /^packages\/suite\/resident\.ts$/,
  /^packages\/cli\/main\.ts$/,
]

const drawers = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared', 'lib']

/** What breaks the architecture in a folder that is laid out like this repository: one line each, beginning with the file. */
export function violations(root: string): readonly string[] {
  const files = globSync('{actions,packages}/**/*.{ts,mts,cts,js,mjs,cjs}', { cwd: root }).sort()
  const sources = files.map((file) => parse(root, file))
  return [
    ...sources.flatMap((source) => importsOf(root, source).flatMap((each) => judgeImport(each))),
    ...sources
      .filter(({ fileName }) => packageOf(fileName) === 'kernel')
      .flatMap((source) => findImpurities(source).map((use) => `${use}: the kernel is pure`)),
    ...sources
      .filter(({ fileName }) => !mayReadEnvironment.some((place) => place.test(fileName)))
      .flatMap((source) => findEnvironment(source).map((use) => `${use}: only the runner reads the environment`)),
    ...files.flatMap(judgeName),
    ...judgeSizes(sources),
  ]
}

function judgeImport({ file, line, specifier, target }: Import): readonly string[] {
  const place = `${file}:${line}`
  const from = packageOf(file)
  if (specifier === undefined) {
    return from === 'tooling' ? [] : [`${place}: loads a module whose name is not a constant`]
  }
  if (target === undefined) {
    if (/^[.#]/.test(specifier)) return [`${place}: ${specifier} leads to no file`]
    return from === 'kernel' ? [`${place}: the kernel imports nothing but itself, not ${specifier}`] : []
  }

  const to = packageOf(target)
  if (from === to && from !== undefined) return []
  if (from === 'kernel') return [`${place}: the kernel imports nothing but itself, not ${target}`]
  if (isAction(file))
    return to === undefined && !isAction(target) ? [`${place}: ${specifier} leads out of actions and packages`] : []
  if (isAction(target)) {
    return from === 'cli' || from === 'tooling' ? [] : [`${place}: a package does not import an action (${target})`]
  }
  if (to === undefined) return [`${place}: ${specifier} leads out of packages (${target})`]
  if (to === 'tooling') return [`${place}: tooling is never part of a program`]
  if (to !== 'kernel' && !mayImportMany.includes(from ?? '')) {
    return [`${place}: package ${from} imports ${to}; a package imports the kernel and itself only`]
  }
  return []
}

function judgeName(file: string): readonly string[] {
  const bad = file.split('/').find((part) => drawers.includes(part.replace(/\..*$/, '')))
  const problems = bad === undefined ? [] : [`${file}: "${bad}" is a drawer, not a noun`]
  const name = basename(file).replace(/(\.d)?\.[cm]?[jt]s$/, '')
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? problems : [...problems, `${file}: the name is not in kebab-case`]
}

function judgeSizes(sources: readonly ts.SourceFile[]): readonly string[] {
  const sizes = sources.map(({ fileName, text }) => ({ fileName, lines: text.trimEnd().split('\n').length }))
  const tooLong = sizes.flatMap(({ fileName, lines }) => {
    const limit = basename(fileName) === 'main.ts' && isAction(fileName) ? longestEntry : longest
    return lines > limit ? [`${fileName}: ${lines} lines, at most ${limit} are allowed`] : []
  })
  const median = sizes.map(({ lines }) => lines).sort((one, other) => one - other)[Math.floor(sizes.length / 2)] ?? 0
  return median > highestMedian
    ? [...tooLong, `packages: the median file has ${median} lines, at most ${highestMedian} are allowed`]
    : tooLong
}

function packageOf(file: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(file)?.[1]
}

function isAction(file: string): boolean {
  return file.startsWith('actions/')
}
