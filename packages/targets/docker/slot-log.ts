import type { Slot } from '#kernel'
import { listContainers } from './containers.ts'
import type { Place } from './place.ts'

const lines = 400
const mostBytes = 64 * 1024

/** The last lines of what the slot's release said, of each of its containers, at most 64 KiB. */
export async function slotLog(place: Place, slot: Slot): Promise<string> {
  const [containers, slots] = await Promise.all([listContainers(place.engine, place.names), place.records.slots()])
  const own = containers.filter((each) => each.slot === slot && each.release === slots[slot]?.release)
  const texts = await Promise.all(own.map(({ name }) => lastWords(place, name, lines)))
  const headed = texts.map((text, index) => (own.length === 1 ? text : `== ${own[index]?.name ?? ''}\n${text}`))
  const share = Math.floor(mostBytes / Math.max(1, own.length)) - 200
  return headed.map((text) => text.slice(-share)).join('\n')
}

export async function lastWords(place: Place, container: string, count: number): Promise<string> {
  // Both streams, in the order they were said, as far as the engine knows it.
  const { stdout, stderr } = await place.host.look({
    argv: ['docker', 'logs', `--tail=${count}`, '--', container],
    okCodes: [0, 1, 125, 126, 127],
    timeoutMs: 60_000,
  })
  return `${stdout}${stderr}`
}
