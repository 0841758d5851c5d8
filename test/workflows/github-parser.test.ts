import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { parse } from 'yaml'
import { portable, reusableWorkflows } from '../../packages/tooling/portable-workflows.ts'
import { callersOfReadme, project, published } from './caller.ts'

const actionNames = ['build-scan', 'migrate', 'deploy-bluegreen', 'verify-health', 'rollback']
const checkout = { name: 'Checkout', description: '', inputs: { 'persist-credentials': { description: '' } } }
const caller = '.github/workflows/caller.yml'

describe("GitHub's own parser", () => {
  let folder = ''
  let program = ''
  let files: Record<string, string> = {}
  let actions: Record<string, unknown> = {}

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-parser-'))
    program = join(folder, 'github-parser.mjs')
    await build({
      entryPoints: [join(import.meta.dirname, 'github-parser.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
      },
      logLevel: 'error',
    })
    files = await readAll([
      ...reusableWorkflows,
      '.github/workflows/ci.yml',
      'action.yml',
      ...actionNames.map(metadata),
    ])
    const own = actionNames.map((name) => [
      `${published.repository}/actions/${name}`,
      parse(files[metadata(name)] ?? '') as unknown,
    ])
    actions = { ...Object.fromEntries(own), 'actions/checkout': checkout }
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const problemsOf = async (changed: Record<string, string>, check: readonly string[]): Promise<string[]> => {
    const input = JSON.stringify({ files: { ...files, ...changed }, check, actions })
    return JSON.parse(await run(program, input)) as string[]
  }
  const inPortableForm = () =>
    Object.fromEntries(reusableWorkflows.map((name) => [name, portable(files[name] ?? '', published.at)]))

  test('accepts every workflow and every action.yml as they are written', async () => {
    expect(await problemsOf({}, Object.keys(files))).toEqual([])
  })

  test('accepts the generated form, with inputs that the actions have', async () => {
    expect(await problemsOf(inPortableForm(), reusableWorkflows)).toEqual([])
  })

  test('accepts the callers of the README against the workflows that they call', async () => {
    for (const [name, text] of Object.entries(await callersOfReadme()))
      expect([name, await problemsOf({ [caller]: text }, [caller])]).toEqual([name, []])
  })

  test('the page about the workflows shows the same callers as the README', async () => {
    const page = await readFile(join(project, 'docs', 'workflows.md'), 'utf8')
    for (const text of Object.values(await callersOfReadme()))
      expect(page).toContain(text.replaceAll(published.repository, 'OWNER/switchyard'))
  })

  test('finds an input that an action does not have', async () => {
    const wrong = inPortableForm()
    const deploy = (wrong['.github/workflows/deploy.yml'] ?? '').replace('strategy: ${{', 'stratgy: ${{')
    expect(await problemsOf({ ...wrong, '.github/workflows/deploy.yml': deploy }, reusableWorkflows)).toEqual([
      expect.stringContaining('stratgy'),
    ])
  })

  test('finds an input that a called workflow does not have', async () => {
    const { 'release.yml': release } = await callersOfReadme()
    const wrong = release.replace('environment: production', 'enviroment: production')
    const problems = await problemsOf({ [caller]: wrong }, [caller])
    expect(problems.join('\n')).toMatch(/enviroment/)
  })
})

function metadata(name: string): string {
  return `actions/${name}/action.yml`
}

async function readAll(names: readonly string[]): Promise<Record<string, string>> {
  const texts = await Promise.all(names.map((name) => readFile(join(project, name), 'utf8')))
  return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? '']))
}

function run(program: string, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [program], { timeout: 30_000 }, (fault, stdout, stderr) =>
      fault === null ? resolve(stdout) : reject(new Error(`${fault.message}\n${stderr}`)),
    )
    child.stdin?.end(input)
  })
}
