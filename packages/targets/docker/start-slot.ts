import { Failure, loneServices, other } from '#kernel'
import type { Endpoint, Release, Secrets, Slot } from '#kernel'
import { restartOf } from './container-words.ts'
import { isDown, listContainers, listWords, readContainers } from './containers.ts'
import type { Container } from './containers.ts'
import { faultIn } from './engine.ts'
import type { Words } from './engine.ts'
import { lastSaid } from './health.ts'
import { ensureImages } from './images.ts'
import { containerName } from './names.ts'
import { placesOf, readNetwork } from './network.ts'
import type { Placed } from './network.ts'
import { endpointsOf, releaseIn } from './observe-slots.ts'
import type { Place } from './place.ts'
import type { KeptRelease, SlotRecords } from './records.ts'
import { checkedRelease, checkedSecrets } from './release-schema.ts'
import { makingOf } from './run-words.ts'
import { formatEnvFile, splitSecrets } from './secrets.ts'
import { lastWords } from './slot-log.ts'
import { stopPhases } from './stop-slot.ts'

export const otherReleaseGraceMs = 10_000
const shownLines = 20

/**
 * Makes the slot hold the release and run it. Can be cut short anywhere and done again: what runs already only gets the next
 * generation, what was stopped is started with its own configuration, what was half made is made again.
 * @throws Failure RELEASE_INVALID, IMAGE_MISSING, HOST_NOT_READY, START_FAILED (with the last lines of the log)
 */
export async function startSlot(
  place: Place,
  slot: Slot,
  given: Release,
  secrets: Secrets | undefined,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const { engine, names, records } = place
  const release = checkedRelease(given)
  const split = secrets === undefined ? undefined : splitSecrets(checkedSecrets(secrets))
  const [containers, slots, network, before] = await Promise.all([
    listContainers(engine, names),
    records.slots(),
    readNetwork(engine, names),
    records.release(release.id),
    ensureImages(place, release, signal),
  ])
  const places = await usualPlaces(place, release, slot, slots, placesOf(release, slot, network))
  const endpoints = endpointsOf(release, slot, network)
  const here = containers.filter((each) => each.slot === slot)
  const sorted = sortOut(place, slot, release, places, here)
  const next: SlotRecords = {
    ...slots,
    generation: slots.generation + 1,
    [slot]: { release: release.id, generation: slots.generation + 1, network },
  }

  const isUp = sorted.missing.length + sorted.ended.length + sorted.others.length === 0
  if (isUp && slots[slot]?.release === release.id && before !== null) {
    await assertNoneFails(place, ofPlaces(place, slot, release, places, here))
    await records.keepSlots(next)
    return endpoints
  }

  const kept: KeptRelease = {
    release,
    secrets:
      split === undefined
        ? (before?.secrets ?? { file: [], apart: [] })
        : { file: Object.keys(split.file), apart: Object.keys(split.apart) },
  }
  const apart = split?.apart ?? (kept.secrets.apart.length > 0 ? await records.secretsApart(release.id) : {})
  // The record says what the slot is to hold before any of it is there: a run that is cut short here leaves nothing unexplained.
  await records.keepStart(release.id, {
    envFile: split !== undefined && kept.secrets.file.length > 0 ? formatEnvFile(split.file) : undefined,
    secretsApart: split !== undefined && kept.secrets.apart.length > 0 ? split.apart : undefined,
    kept: JSON.stringify(before) === JSON.stringify(kept) ? undefined : kept,
    slots: next,
  })

  const making = makingOf(names, records, kept, slot, sorted.missing)
  const said = await engine.act(
    [
      ...stopPhases(
        sorted.others.map(({ name }) => name),
        otherReleaseGraceMs,
      ),
      sorted.useless.length === 0 ? [] : [['rm', '--force', '--', ...sorted.useless.map(({ name }) => name)]],
      sorted.ended.map(({ name, service }): Words => ['update', `--restart=${restartIn(release, service)}`, name]),
      ...making.before,
      [...sorted.ended.map(({ name }): Words => ['start', '--', name]), ...making.last],
      [listWords(names)],
    ],
    { env: apart, signal },
  )
  const fault = faultIn(said)
  if (fault !== null) throw await notStarted(place, slot, release, fault)
  const now = readContainers(said.at(-1)?.text ?? '')
  await assertNoneFails(place, ofPlaces(place, slot, release, places, now))
  return endpoints
}

function restartIn({ services }: Release, name: string): string {
  return restartOf(services.find((service) => service.name === name) ?? {})
}

/** Without those of services that must not run twice: a hand-over brings them. */
export async function usualPlaces(
  place: Place,
  release: Release,
  slot: Slot,
  slots: SlotRecords,
  places: readonly Placed[],
): Promise<readonly Placed[]> {
  const lone = loneServices(release, await releaseIn(place, slots, other(slot))).map(({ name }) => name)
  return places.filter(({ service }) => !lone.includes(service.name))
}

/** The containers at these places, as far as there are any. */
export function ofPlaces(
  { names }: Place,
  slot: Slot,
  release: Release,
  places: readonly Placed[],
  containers: readonly Container[],
): readonly Container[] {
  const wanted = new Set(
    places.map(({ service, instance }) => containerName(names, slot, release.id, service.name, instance)),
  )
  return containers.filter(({ name }) => wanted.has(name))
}

interface Sorted {
  /** Of other releases, and up. */
  readonly others: readonly Container[]
  /** Of this release, stopped, and to be started as they are. */
  readonly ended: readonly Container[]
  /** Of this release, and to be made again. */
  readonly useless: readonly Container[]
  /** To be made. */
  readonly missing: readonly Placed[]
}

export function sortOut(
  { names }: Place,
  slot: Slot,
  release: Release,
  places: readonly Placed[],
  here: readonly Container[],
): Sorted {
  const own = new Map(here.filter((each) => each.release === release.id).map((each) => [each.name, each]))
  const found = places.map((each) => ({
    each,
    container: own.get(containerName(names, slot, release.id, each.service.name, each.instance)),
  }))
  const isUseless = (container: Container, address: string) =>
    container.state === 'unusable' || container.address !== address
  return {
    others: here.filter((each) => each.release !== release.id && !isDown(each)),
    ended: found.flatMap(({ each, container }) =>
      container?.state === 'ended' && !isUseless(container, each.address) ? [container] : [],
    ),
    useless: found.flatMap(({ each, container }) =>
      container !== undefined && isUseless(container, each.address) ? [container] : [],
    ),
    missing: found.flatMap(({ each, container }) =>
      container === undefined || isUseless(container, each.address) ? [each] : [],
    ),
  }
}

export async function assertNoneFails(place: Place, containers: readonly Container[]): Promise<void> {
  const bad = containers.find(({ state }) => state !== 'running')
  if (bad === undefined) return
  if (bad.health === 'unhealthy') {
    const said = await lastSaid(place, bad.name, bad.health)
    throw new Failure('START_FAILED', `${bad.name}: its health check calls it unhealthy; the check said: ${said}`)
  }
  throw new Failure('START_FAILED', `${bad.name} does not run${quoted(await lastWords(place, bad.name, shownLines))}`)
}

/** docker says why it could not start a container; what the container itself said before is worth more. */
export async function notStarted(place: Place, slot: Slot, release: Release, fault: string): Promise<Failure> {
  const containers = await listContainers(place.engine, place.names).catch(() => [])
  const bad = containers.find((each) => each.slot === slot && each.release === release.id && each.state !== 'running')
  const words = bad === undefined ? '' : await lastWords(place, bad.name, shownLines).catch(() => '')
  return new Failure('START_FAILED', `the release does not start: ${fault.slice(0, 2_000)}${quoted(words)}`)
}

function quoted(words: string): string {
  return words.trim() === '' ? '' : `; its last words:\n${words.trim().slice(-4_000)}`
}
