import { Failure } from '#kernel'
import type { InstanceUsage, Slot } from '#kernel'
import { z } from 'zod'
import type { Words } from './engine.ts'
import { filtersOf } from './names.ts'
import type { Place } from './place.ts'

const inspectFormat = `{"name":{{json .Name}},"state":{{json .State.Status}},"restarts":{{json .RestartCount}},"service":{{json (index .Config.Labels "switchyard.service")}},"instance":{{json (index .Config.Labels "switchyard.instance")}}}`
const statsFormat = '{"name":{{json .Name}},"cpu":{{json .CPUPerc}},"memory":{{json .MemUsage}}}'

const inspectSchema = z.object({
  name: z.string(),
  state: z.string(),
  restarts: z.int().nonnegative(),
  service: z.string(),
  instance: z.string().regex(/^\d{1,6}$/),
})
const statsSchema = z.object({ name: z.string(), cpu: z.string(), memory: z.string() })

const sizes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/**
 * What the slot's containers use now, as `docker stats` sees it over about a second. One that is being started again uses nothing at
 * this moment; those that were ended are left out. Memory is without the page cache, as the engine counts it.
 */
export async function usageOf(place: Place, slot: Slot, signal?: AbortSignal): Promise<readonly InstanceUsage[]> {
  const look = async (words: Words): Promise<string> => {
    const { code, text } = await place.engine.look(words, signal === undefined ? {} : { signal })
    if (code === 0) return text
    throw new Failure('COMMAND_FAILED', `docker ${words[0] ?? ''}: ${text.trim().slice(0, 500)}`)
  }
  const filters = [...filtersOf(place.names, 'slot'), `--filter=label=switchyard.slot=${slot}`]
  const ids = (await look(['ps', '--all', '--quiet', '--no-trunc', ...filters])).split('\n').filter((id) => id !== '')
  if (ids.length === 0) return []
  const containers = read(await look(['inspect', `--format=${inspectFormat}`, '--', ...ids]), inspectSchema)
  const running = containers.filter(({ state }) => state === 'running').map(({ name }) => name.replace(/^\//, ''))
  const words = ['stats', '--no-stream', `--format=${statsFormat}`, '--', ...running]
  const stats = running.length === 0 ? [] : read(await look(words), statsSchema)
  return containers
    .filter(({ state }) => state === 'running' || state === 'restarting')
    .map(({ name, restarts, service, instance }) => {
      const found = stats.find((each) => `/${each.name}` === name)
      return {
        service,
        instance: Number(instance),
        cpuPercent: readPercent(found?.cpu ?? ''),
        memoryBytes: readBytes(found?.memory ?? ''),
        restarts,
      }
    })
}

/** `12.34MiB / 1.9GiB`: the first part; NaN for what cannot be understood. `--` stands for a container that ended meanwhile. */
export function readBytes(text: string): number {
  if (isGone(text)) return 0
  const [, amount, unit = ''] = /^([0-9.]+)([A-Za-z]+)(?: \/|$)/.exec(text) ?? []
  return Number(amount) * (sizes[unit] ?? Number.NaN)
}

export function readPercent(text: string): number {
  return isGone(text) ? 0 : Number(/^([0-9.]+)%$/.exec(text)?.[1])
}

function isGone(text: string): boolean {
  return text === '' || text.startsWith('--')
}

function read<Line>(printed: string, schema: z.ZodType<Line>): Line[] {
  try {
    const lines = printed.split('\n').filter((line) => line.trim() !== '')
    return lines.map((line) => schema.parse(JSON.parse(line)))
  } catch (cause) {
    throw new Failure(
      'OUTPUT_UNREADABLE',
      `docker printed something else than was asked for: ${printed.slice(0, 200)}`,
      {
        cause,
      },
    )
  }
}
