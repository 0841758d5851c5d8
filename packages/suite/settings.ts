import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Failure } from '#kernel'
import type { ActionSession } from '#runner'
import type { z } from 'zod'
import { fieldsOf, readInputs } from './action.ts'
import type { ActionDefinition } from './action.ts'
import type { Config } from './config.ts'

export interface Settings<Inputs> {
  readonly inputs: Inputs
  readonly config: Config
  /** The folder that relative paths start from. */
  readonly workspace: string
}

const defaultPath = '.github/switchyard.yml'

/**
 * Everything an action was told: its inputs, and where one was not given, the configuration file. Secrets are masked
 * before anything can print them.
 */
export async function readSettings<Shape extends z.ZodRawShape>(
  action: ActionDefinition<Shape>,
  session: Pick<ActionSession, 'given' | 'environment' | 'mask'>,
): Promise<Settings<z.output<z.ZodObject<Shape>>>> {
  for (const { name, secret } of fieldsOf(action)) if (secret === true) maskField(session.given(name), session.mask)
  const workspace = session.environment['GITHUB_WORKSPACE'] ?? process.cwd()
  const environment = session.given('environment').trim() || 'production'
  const { config, settingOf } = await loadConfig(session.given('config').trim(), workspace, environment, action.name)
  const inputs = readInputs(action, (name) => {
    const given = session.given(name)
    return given.trim() === '' ? settingOf(name) : given
  })
  return { inputs, config, workspace }
}

/** The name of the app: told, else the repository's, else the folder's. */
export function appName(told: string, session: Pick<ActionSession, 'environment'>, workspace: string): string {
  const repository = session.environment['GITHUB_REPOSITORY']?.split('/')[1]
  const name =
    told ||
    (repository ?? basename(workspace))
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 41)
  if (name !== '') return name
  throw new Failure('INPUT_MISSING', 'app is required', { field: 'app', hint: 'Give the name of the app.' })
}

/** Values of KEY=VALUE lines are masked, not the keys; other secrets whole. */
function maskField(text: string, mask: (secret: string) => void): void {
  const isPairs = text.split(/\r?\n/).every((line) => line.trim() === '' || /^\s*[A-Za-z_][A-Za-z0-9_]*=/.test(line))
  if (!isPairs) return mask(text)
  for (const line of text.split(/\r?\n/)) mask(line.slice(line.indexOf('=') + 1))
}

interface Loaded {
  readonly config: Config
  /** The text an input would have had; empty where the file says nothing. */
  readonly settingOf: (name: string) => string
}

/** Without a file, neither its schema nor a parser is loaded. */
async function loadConfig(path: string, workspace: string, environment: string, action: string): Promise<Loaded> {
  const shown = path === '' ? defaultPath : path
  let text: string
  try {
    text = await readFile(resolve(workspace, shown), 'utf8')
  } catch (cause) {
    if (path === '') return { config: {}, settingOf: () => '' }
    throw new Failure('CONFIG_UNREADABLE', `cannot read ${path}`, {
      field: 'config',
      cause,
      hint: 'Check the path; the repository must be checked out first.',
    })
  }
  const { parseConfig, settingOf } = await import('./config.ts')
  const config = await parseConfig(text, shown)
  return { config, settingOf: (name) => settingOf(config, environment, name, action) }
}
