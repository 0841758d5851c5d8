import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { portable, reusableWorkflows } from '../../packages/tooling/portable-workflows.ts'
import { describeWith } from '../components/require.ts'
import { callersOfReadme, project, published } from './caller.ts'
import { findInstalledTools } from './tools.ts'

const actionNames = ['build-scan', 'migrate', 'deploy-bluegreen', 'verify-health', 'rollback']

findInstalledTools()

describeWith('actionlint', 'actionlint', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await localForm()
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('finds nothing in the workflows as they are written', async () => {
    expect(await run('actionlint', ['-no-color'], project)).toEqual({ code: 0, said: '' })
  })

  test('finds nothing where it can see the actions and the called workflows', async () => {
    expect(await run('actionlint', ['-no-color'], folder)).toEqual({ code: 0, said: '' })
  })

  test.each([
    ['deploy.yml', 'drain: 1s', '          bake: ', '          drian: 1s\n          bake: ', /"drian" is not defined/],
    ['deploy.yml', 'an unknown secret', 'secrets.SSH_KEY', 'secrets.SHH_KEY', /"shh_key" is not defined/],
    ['release.yml', 'an unknown input', 'environment: production', 'enviroment: production', /"enviroment" is not/],
    ['release.yml', 'an unknown secret', '      app-secrets:', '      app-secret:', /"app-secret" is not defined/],
  ])('sees a mistake in %s: %s', async (name, _what, right, wrong, message) => {
    const path = join(folder, '.github', 'workflows', name)
    const text = await readFile(path, 'utf8')
    expect(text).toContain(right)
    await writeFile(path, text.replace(right, wrong))
    const { code, said } = await run('actionlint', ['-no-color'], folder)
    expect(said).toMatch(message)
    expect(code).toBe(1)
  })
})

describeWith('zizmor', 'zizmor', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await localForm()
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const audit = (...paths: string[]) => run('zizmor', ['--offline', '--no-progress', '--color=never', ...paths], folder)

  test('finds nothing in the workflows and the actions', async () => {
    const { code, said } = await audit(
      ...['.github/workflows', 'action.yml', 'actions'].map((name) => join(project, name)),
    )
    expect(said).toContain('No findings to report')
    expect(code).toBe(0)
  })

  test('sees a value that is expanded in a script', async () => {
    const path = join(folder, '.github', 'workflows', 'rollback.yml')
    await writeFile(path, `${await readFile(path, 'utf8')}\n      - run: echo "\${{ inputs.reason }}"\n`)
    const { code, said } = await audit(path)
    expect(said).toContain('template-injection')
    expect(code).toBe(14)
  })
})

/** A repository that holds actions, workflows and their callers, each naming the other by a path that actionlint follows. */
async function localForm(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-lint-'))
  await mkdir(join(folder, '.git'))
  const local = (text: string) =>
    text
      .replaceAll(new RegExp(`uses: ${published.repository}/(actions/\\S+)@v1`, 'g'), 'uses: ./$1')
      .replaceAll(new RegExp(`uses: ${published.repository}/(\\.github/\\S+)@v1`, 'g'), 'uses: ./$1')
  const put = async (name: string, text: string) => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  for (const name of reusableWorkflows)
    await put(name, local(portable(await readFile(join(project, name), 'utf8'), published.at)))
  for (const [name, text] of Object.entries(await callersOfReadme()))
    await put(`.github/workflows/${name === 'rollback.yml' ? 'back.yml' : name}`, local(text))
  for (const name of actionNames) {
    await put(`actions/${name}/action.yml`, await readFile(join(project, 'actions', name, 'action.yml'), 'utf8'))
    await cp(join(project, 'dist', name), join(folder, 'dist', name), { recursive: true })
  }
  return folder
}

/** The exit code, and everything that was printed. */
function run(program: string, words: readonly string[], cwd: string): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    // Without env, a program is looked for in the PATH that jest was started with.
    execFile(program, words, { cwd, timeout: 20_000, env: { ...process.env } }, (fault, stdout, stderr) => {
      const code = fault === null ? 0 : fault.code
      if (typeof code !== 'number') reject(fault ?? new Error(`${program} did not end by itself`))
      else resolve({ code, said: stdout + stderr })
    })
  })
}
