import { z } from 'zod'
import type { InstanceHealth, Slot } from '#kernel'
import { listContainers } from './containers.ts'
import { releaseIn } from './observe-slots.ts'
import type { Place } from './place.ts'

const mostText = 1_000

/** The engine keeps what the last five looks printed, 4 KiB of each. */
const saidSchema = z.object({
  Log: z.array(z.object({ ExitCode: z.int(), Output: z.string() })).nullish(),
})

/**
 * What the engine says of the instances of background services in a slot that have a health check, be it the release's own or the image's.
 * A look.
 */
export async function healthOf(place: Place, slot: Slot): Promise<readonly InstanceHealth[]> {
  const [containers, slots] = await Promise.all([listContainers(place.engine, place.names), place.records.slots()])
  const release = await releaseIn(place, slots, slot)
  const background = (release?.services ?? []).flatMap(({ name, routed }) => (routed === undefined ? [name] : []))
  const own = containers.filter((each) => each.slot === slot && each.release === release?.id)
  return Promise.all(
    own.flatMap(({ name, service, health: state }) =>
      state === 'none' || !background.includes(service)
        ? []
        : [lastSaid(place, name, state).then((said) => ({ name, service, state, said }))],
    ),
  )
}

/** What a container's check said last, where it did not say that all is well. */
export async function lastSaid({ engine }: Place, name: string, state: InstanceHealth['state']): Promise<string> {
  if (state === 'healthy') return ''
  const { code, text } = await engine.look(['container', 'inspect', '--format={{json .State.Health}}', '--', name])
  const parsed = code === 0 ? saidSchema.safeParse(JSON.parse(text)) : null
  const last = parsed?.data?.Log?.at(-1)
  if (last === undefined) return ''
  return `${last.Output.trim().slice(-mostText)}${last.ExitCode === 0 ? '' : ` (exit code ${last.ExitCode})`}`.trim()
}
