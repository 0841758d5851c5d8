import { Failure, loneServices, other } from '#kernel'
import type { Release, Service, Slot } from '#kernel'
import { restartOf } from './container-words.ts'
import { isDown, listContainers, listWords, readContainers } from './containers.ts'
import { faultIn } from './engine.ts'
import type { Words } from './engine.ts'
import { placesOf } from './network.ts'
import type { Placed } from './network.ts'
import { releaseIn } from './observe-slots.ts'
import type { Place } from './place.ts'
import type { KeptRelease } from './records.ts'
import { makingOf } from './run-words.ts'
import type { Making } from './run-words.ts'
import { assertNoneFails, notStarted, ofPlaces, sortOut } from './start-slot.ts'
import { stopPhases } from './stop-slot.ts'

const beyondGraceMs = 120_000

/** How a target of this engine makes containers that are not there yet. */
export interface Makes {
  making(kept: KeptRelease, missing: readonly Placed[]): Making
  /** The restart policy of a service's containers. */
  restart(service: Service): string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Ends what must not run twice wherever else it runs, and then starts it in this slot: one effect, in which nothing starts before
 * everything has ended.
 * @throws Failure START_FAILED with the last lines of the log, when it does not come up here
 */
export async function handOver(
  place: Place,
  slot: Slot,
  graceMs: number,
  signal: AbortSignal,
  makes: Makes = {
    making: (kept, missing) => makingOf(place.names, place.records, kept, slot, missing),
    restart: restartOf,
  },
): Promise<void> {
  const { engine, names, records } = place
  const [containers, slots] = await Promise.all([listContainers(engine, names), records.slots()])
  const held = slots[slot]
  const [kept, beside] = await Promise.all([
    held === null ? null : records.release(held.release),
    releaseIn(place, slots, other(slot)),
  ])
  if (held === null || kept === null) throw new Failure('START_FAILED', `${slot} holds no release`)
  const { release } = kept
  const lone = loneServices(release, beside)
  const moved = namesOf([...lone, ...(beside === null ? [] : loneServices(beside, release))])
  const isHere = (each: (typeof containers)[number]) => each.slot === slot && each.release === release.id
  const leaving = containers.filter((each) => !isHere(each) && !isDown(each) && moved.includes(each.service))
  const places = placesOf(release, slot, held.network).filter(({ service }) => lone.includes(service))
  const { ended, useless, missing } = sortOut(place, slot, release, places, containers.filter(isHere))
  const stops = stopPhases(
    leaving.map(({ name }) => name),
    graceMs,
  )
  if (stops.length + ended.length + useless.length + missing.length === 0) return
  const apart = kept.secrets.apart.length > 0 ? await records.secretsApart(release.id) : {}
  const making: Making = missing.length === 0 ? { before: [], last: [] } : makes.making(kept, missing)
  const said = await engine.act(
    [
      ...stops,
      useless.length === 0 ? [] : [['rm', '--force', '--', ...useless.map(({ name }) => name)]],
      ended.map(({ name, service }): Words => [
        'update',
        `--restart=${makes.restart(serviceOf(release, service))}`,
        name,
      ]),
      ...making.before,
      [...ended.map(({ name }): Words => ['start', '--', name]), ...making.last],
      [listWords(names)],
    ],
    { env: { ...apart, ...makes.env }, signal, timeoutMs: graceMs + beyondGraceMs },
  )
  const notEnded = faultIn(said.slice(0, stops.length))
  if (notEnded !== null) throw new Failure('COMMAND_FAILED', `${moved.join(', ')} cannot be ended: ${notEnded}`)
  const fault = faultIn(said)
  if (fault !== null) throw await notStarted(place, slot, release, fault)
  await assertNoneFails(place, ofPlaces(place, slot, release, places, readContainers(said.at(-1)?.text ?? '')))
}

function namesOf(services: readonly Service[]): string[] {
  return [...new Set(services.map(({ name }) => name))]
}

function serviceOf(release: Release, name: string): Service {
  const found = release.services.find((service) => service.name === name)
  if (found === undefined) throw new Failure('INTERNAL', `a container of service ${name}, which the release has not`)
  return found
}
