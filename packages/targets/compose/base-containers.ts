import { z } from 'zod'
import { Failure } from '#kernel'
import type { Engine } from '../docker/engine.ts'
import type { Names } from '../docker/names.ts'
import { projectLabel } from './names.ts'

const label = (name: string) => `{{json (.Label "${name}")}}`
const lineFormat = `{"name":{{json .Names}},"state":{{json .State}},"status":{{json .Status}},"service":${label('com.docker.compose.service')},"oneoff":${label('com.docker.compose.oneoff')}}`

const lineSchema = z.object({
  name: z.string(),
  state: z.string(),
  status: z.string(),
  service: z.string(),
  oneoff: z.string(),
})

/** A container of the team's own project, as compose made it. */
export interface BaseContainer {
  readonly name: string
  readonly service: string
  readonly isRunning: boolean
  /** `none`: it has no check of its own. */
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy'
  readonly isDone: boolean
}

/** What there is of the project under the name that the team gave it. Slots are projects of their own. */
export async function baseContainers(engine: Engine, project: string): Promise<readonly BaseContainer[]> {
  const filter = `--filter=label=com.docker.compose.project=${project}`
  const { code, text } = await engine.look(['ps', '--all', '--no-trunc', filter, '--format', lineFormat])
  if (code !== 0) throw new Failure('COMMAND_FAILED', `docker ps: ${text.trim()}`)
  return lines(text)
    .map((line) => parse(line, lineSchema))
    .filter(({ oneoff }) => oneoff.toLowerCase() !== 'true')
    .map(({ name, service, state, status }) => ({
      ...{ name, service, isRunning: state === 'running', health: healthOf(status) },
      isDone: /^Exited \(0\)/.test(status),
    }))
}

/** Environments that are not this one and have slots of the same project. */
export async function othersOf(engine: Engine, names: Names, project: string): Promise<readonly string[]> {
  const format = `{"app":${label('switchyard.app')},"environment":${label('switchyard.environment')}}`
  const { code, text } = await engine.look([
    ...['ps', '--all', `--filter=label=${projectLabel}=${project}`, '--format', format],
  ])
  if (code !== 0) throw new Failure('COMMAND_FAILED', `docker ps: ${text.trim()}`)
  const schema = z.object({ app: z.string(), environment: z.string() })
  const all = lines(text).map((line) => parse(line, schema))
  const others = all.filter(({ app, environment }) => app !== names.app || environment !== names.environment)
  return [...new Set(others.map(({ app, environment }) => `${app} ${environment}`))]
}

function healthOf(status: string): BaseContainer['health'] {
  const [, word] = /\((health: starting|healthy|unhealthy)\)/.exec(status) ?? []
  return word === undefined ? 'none' : word === 'health: starting' ? 'starting' : (word as 'healthy' | 'unhealthy')
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

function parse<T>(line: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(line))
  } catch (cause) {
    throw new Failure(
      'OUTPUT_UNREADABLE',
      `docker ps printed something else than was asked for: ${line.slice(0, 200)}`,
      {
        cause,
      },
    )
  }
}
