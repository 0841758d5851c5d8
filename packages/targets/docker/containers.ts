import { z } from 'zod'
import { Failure } from '#kernel'
import type { InstanceHealth, Slot } from '#kernel'
import type { Engine, Words } from './engine.ts'
import { filtersOf } from './names.ts'
import type { Names } from './names.ts'

const label = (name: string) => `{{json (.Label "switchyard.${name}")}}`

const lineFormat = `{"name":{{json .Names}},"service":${label('service')},"state":{{json .State}},"status":{{json .Status}},"slot":${label('slot')},"release":${label('release')},"address":${label('address')}}`

const lineSchema = z.object({
  name: z.string(),
  service: z.string(),
  state: z.string(),
  status: z.string(),
  slot: z.enum(['blue', 'green']),
  release: z.string(),
  address: z.string(),
})

/** A container of a slot, as it is now. */
export interface Container {
  readonly name: string
  readonly service: string
  readonly slot: Slot
  readonly release: string
  readonly address: string
  /** `failing`: it ends again and again, or says itself that it is unhealthy. `unusable`: it was never started, or is half removed. */
  readonly state: 'running' | 'failing' | 'ended' | 'unusable'
  /** What the engine's health check says; `none`: it has none, or does not run. */
  readonly health: 'none' | InstanceHealth['state']
}

/** Lists the containers of the environment's slots, running or not. */
export function listWords(names: Names): Words {
  return ['ps', '--all', '--no-trunc', ...filtersOf(names, 'slot'), '--format', lineFormat]
}

export async function listContainers(engine: Engine, names: Names): Promise<Container[]> {
  const { code, text } = await engine.look(listWords(names))
  if (code !== 0) throw new Failure('COMMAND_FAILED', `docker ps: ${text.trim()}`)
  return readContainers(text)
}

/** @throws Failure OUTPUT_UNREADABLE */
export function readContainers(printed: string): Container[] {
  const lines = printed.split('\n').filter((line) => line.trim() !== '')
  try {
    return lines.map((line) => {
      const { state, status, ...rest } = lineSchema.parse(JSON.parse(line))
      return { ...rest, state: stateOf(state, status), health: healthOf(state, status) }
    })
  } catch (cause) {
    throw new Failure(
      'OUTPUT_UNREADABLE',
      `docker ps printed something else than was asked for: ${printed.slice(0, 200)}`,
      { cause },
    )
  }
}

function stateOf(state: string, status: string): Container['state'] {
  if (state === 'running') return status.includes('(unhealthy)') ? 'failing' : 'running'
  if (state === 'restarting' || state === 'paused') return 'failing'
  return state === 'exited' ? 'ended' : 'unusable'
}

function healthOf(state: string, status: string): Container['health'] {
  const [, word] = /\((health: starting|healthy|unhealthy)\)$/.exec(state === 'running' ? status : '') ?? []
  if (word === undefined) return 'none'
  return word === 'healthy' || word === 'unhealthy' ? word : 'starting'
}

/** Neither running nor about to: nothing has to be stopped. */
export function isDown({ state }: Container): boolean {
  return state === 'ended' || state === 'unusable'
}
