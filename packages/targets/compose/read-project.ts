import { access } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { Failure, asFailure } from '#kernel'
import type { Command, Shell } from '#kernel'
import { isObeyed } from '../docker/secrets.ts'
import { assertCompose } from './compose-version.ts'
import { asYaml, modelSchema, single } from './model.ts'
import type { FileModel, ProjectModel } from './model.ts'

export interface ProjectSource {
  readonly workspace: string
  /** Compose files from the workspace, the first one first; none: those that compose finds. */
  readonly files: readonly string[]
  readonly profiles: readonly string[]
  /** Does the project run on another machine than this one? */
  readonly isElsewhere?: boolean
  /** For `${…}`, beside the environment of the job and the file `.env`. */
  readonly variables: Readonly<Record<string, string>>
}

/** A project of the checkout, resolved by compose itself; its paths are those of this machine. */
export interface ReadProject {
  readonly model: ProjectModel
  /** What travels lies below this folder. */
  readonly root: string
  /** The files it was read from, where that is known. */
  readonly sources: readonly string[]
  /** Variables that are nowhere set. */
  readonly unset: readonly string[]
  /** The same project with paths as they were written; for one that runs elsewhere. */
  readonly written?: ProjectModel
}

const usualNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const overrides = (path: string) => [path, path.replace(/(\.ya?ml)$/, '.override$1')]
const limitBytes = 2 * 1024 * 1024
const timeoutMs = 60_000

/**
 * Has `docker compose config` resolve the project of the checkout: overrides, env files, variables, profiles, extensions.
 * @throws Failure COMPOSE_MISSING, COMPOSE_INVALID
 */
export async function readProject(runner: Shell, source: ProjectSource): Promise<ReadProject> {
  const { workspace } = source
  const files = source.files.map((file) => resolve(workspace, file))
  const [first] = files
  const folder = first === undefined ? workspace : dirname(first)
  const isInside = !relative(workspace, folder).startsWith('..')
  const words = [...files.map((file) => `--file=${file}`), ...source.profiles.map((profile) => `--profile=${profile}`)]
  const env = Object.fromEntries(Object.entries(source.variables).filter(([name]) => !isObeyed(name)))
  const secrets = Object.values(env).filter((value) => value.length > 3)
  const config: Command = {
    argv: ['docker', 'compose', ...words, 'config', '--format=json'],
    ...{ cwd: workspace, env, timeoutMs, secrets, okCodes: allCodes },
  }
  const printing = runner.run(config)
  const asWritten =
    source.isElsewhere === true
      ? runner.run({ ...config, argv: [...config.argv, '--no-path-resolution'] })
      : Promise.resolve(null)
  asWritten.catch(() => undefined)
  // Whether there is a compose at all is the first thing to say; both are asked at once.
  printing.catch(() => undefined)
  await assertCompose((argv) => runner.run({ argv, timeoutMs, okCodes: allCodes }), 'this machine')
  const { exitCode, stdout, stderr } = await printing
  if (exitCode !== 0) throw invalid(wordsOf(stderr), workspace)
  const model = parseModel(stdout)
  const written = await asWritten
  const values = (given: Record<string, FileModel>) =>
    withValues(given, runner, { ...config, argv: ['docker', 'compose'] }, folder)
  return {
    model: { ...model, secrets: await values(model.secrets), configs: await values(model.configs) },
    root: isInside ? workspace : folder,
    ...(written?.exitCode === 0 ? { written: parseModel(written.stdout) } : {}),
    sources: files.length > 0 ? files : await usualSources(workspace),
    unset: [
      ...new Set([...stderr.matchAll(/The \\?"([^"\\]+)\\?" variable is not set/g)].map((match) => match[1] ?? '')),
    ],
  }
}

export const allCodes = Array.from({ length: 256 }, (_, code) => code)

function parseModel(stdout: string): ProjectModel {
  if (Buffer.byteLength(stdout) > limitBytes) {
    throw new Failure('COMPOSE_INVALID', 'the resolved compose project is larger than 2 MiB', { field: 'compose-file' })
  }
  try {
    return modelSchema.parse(JSON.parse(stdout))
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).replace(/\s+/g, ' ') : asFailure(cause).message
    throw new Failure('COMPOSE_INVALID', `the resolved compose project cannot be used: ${why.slice(0, 1_000)}`, {
      field: 'compose-file',
      cause,
    })
  }
}

/**
 * Secrets and configs that come from variables get their value here, where the variables are. Compose is asked again, because only
 * it knows where it finds one.
 */
async function withValues(
  given: Readonly<Record<string, FileModel>>,
  runner: Shell,
  compose: Command,
  folder: string,
): Promise<Record<string, FileModel>> {
  const asked = Object.entries(given).filter(([, { environment }]) => environment !== undefined)
  if (asked.length === 0) return { ...given }
  const environment = Object.fromEntries(
    asked.map(([name, { environment: variable = '' }]) => [name, `\${${variable}?a secret or config comes from it}`]),
  )
  const { exitCode, stdout, stderr } = await runner.run({
    ...compose,
    argv: ['docker', 'compose', `--project-directory=${folder}`, '--file=-', 'config', '--format=json'],
    stdin: asYaml({ name: 'values', services: { values: { image: 'none', environment } } }),
  })
  if (exitCode !== 0) throw invalid(wordsOf(stderr), folder)
  const found = parseModel(stdout).services['values']?.environment
  return Object.fromEntries(
    Object.entries(given).map(([name, { environment: variable, ...rest }]) => [
      name,
      variable === undefined ? rest : { ...rest, content: found?.[name] ?? '' },
    ]),
  )
}

async function usualSources(folder: string): Promise<readonly string[]> {
  const isThere = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    )
  for (const name of usualNames) {
    if (await isThere(join(folder, name))) return overrides(join(folder, name))
  }
  return []
}

function wordsOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !/^time=.* level=warning /.test(line))
  return lines.join(' ').trim().slice(-1_500)
}

function invalid(why: string, workspace: string): Failure {
  const what = single(why).replaceAll(`${workspace}/`, '')
  const isMissing = /no configuration file provided|no such file or directory/.test(why)
  return new Failure('COMPOSE_INVALID', `docker compose cannot read the project: ${what}`, {
    field: 'compose-file',
    hint: isMissing
      ? 'Check out the repository first; compose-file names the file where it is not compose.yaml in its root.'
      : 'Try `docker compose config` in the repository, with the same variables.',
  })
}
