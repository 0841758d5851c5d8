import { isExclusive } from '../lone.ts'
import { refsOf } from '../release.ts'
import type { Release } from '../release.ts'
import type { LedgerEntry, Seen } from '../seen.ts'
import { allTo, slots as both, other, sameWeights } from '../slot.ts'
import type { Slot } from '../slot.ts'

type Judged = LedgerEntry | undefined

const isJudgement = (entry: LedgerEntry) => entry.state === 'good' || entry.state === 'bad'

/** Did this release pass its bake once, and was it not rolled back since? */
export function isProven(seen: Seen, release: Pick<Release, 'id'> | null): boolean {
  const last: Judged = seen.history.find((entry) => entry.release.id === release?.id && isJudgement(entry))
  return last?.state === 'good'
}

/** Was this digest rolled back, under whatever configuration? */
export function isBad(seen: Pick<Seen, 'history'>, release: Pick<Release, 'services'>): boolean {
  const last: Judged = seen.history.find((entry) => refsOf(entry.release) === refsOf(release) && isJudgement(entry))
  return last?.state === 'bad'
}

/** Was this digest rolled back, and not taken up again since? A forced deploy of it is decided about like any other. */
function isCondemned(seen: Seen, release: Release): boolean {
  return seen.history.find((entry) => refsOf(entry.release) === refsOf(release))?.state === 'bad'
}

/** The slot that has all the traffic, if one has. */
export function soleSlot(seen: Seen): Slot | null {
  if (sameWeights(seen.weights, allTo('blue'))) return 'blue'
  if (sameWeights(seen.weights, allTo('green'))) return 'green'
  return null
}

/** The slot started last. */
export function younger(seen: Seen): Slot {
  return seen.slots.green.generation > seen.slots.blue.generation ? 'green' : 'blue'
}

/**
 * The slot that goes on serving if everything else fails; null while nothing is live.
 *
 * While traffic is split, that is the elder slot. When a release got all the traffic but was never baked (its run died) and
 * the elder, proven one still answers, the elder is still the one to return to.
 */
export function baseSlot(seen: Seen): Slot | null {
  const { weights, slots } = seen
  if (weights.blue === 0 && weights.green === 0) return servedLast(seen)
  const sole = soleSlot(seen)
  const candidate = sole ?? younger(seen)
  const elder = other(candidate)
  const elderServes = slots[elder].state === 'running' && seen.answering[elder]
  if (sole === null) return elderServes ? elder : candidate
  const overtaken = elderServes && slots[elder].generation < slots[sole].generation
  const unbaked = !isProven(seen, slots[sole].release) && isProven(seen, slots[elder].release)
  // The elder was ended to make room; it is started again if the other one is not to stay.
  if (unbaked && isRecreated(seen) && slots[elder].generation < slots[sole].generation) return elder
  return overtaken && unbaked ? elder : sole
}

/** A run that ends one release before it starts the other may be killed while nothing has traffic: what served last is the base. */
function servedLast(seen: Seen): Slot | null {
  const slotOf = (id: string | undefined) => both.find((slot) => seen.slots[slot].release?.id === id)
  const held = seen.history.filter(({ release }) => !isBad(seen, release) && slotOf(release.id) !== undefined)
  // One that served but was never baked to the end is better than none.
  const served = held.find(({ state }) => state === 'good') ?? held.find(({ state }) => state === 'live')
  const since = served === undefined ? [] : seen.history.slice(0, seen.history.indexOf(served) + 1)
  const isRecreating = isRecreated(seen) || since.some(({ release }) => isExclusive(release))
  return served === undefined || !isRecreating ? null : (slotOf(served.release.id) ?? null)
}

function isRecreated({ slots: { blue, green } }: Seen): boolean {
  return [blue, green].some(({ release }) => release !== null && isExclusive(release))
}

/** The slot with a release that waits to be promoted or rejected: staged, half shifted or not yet baked. */
export function candidateSlot(seen: Seen): Slot | null {
  const base = baseSlot(seen)
  const slot = base === null ? younger(seen) : other(base)
  const { release, state, generation } = seen.slots[slot]
  const isYounger = base === null || generation > seen.slots[base].generation
  if (release === null || state === 'empty' || state === 'stopped' || !isYounger || isCondemned(seen, release))
    return null
  return isProven(seen, release) && seen.weights[slot] === 0 ? null : slot
}

/** The release to return to without being told: an unfinished rollback's, the base's while traffic is split, else the last good one before. */
export function previousGood(seen: Seen): Release | null {
  const newest = seen.history[0]
  if (newest?.operation === 'rollback' && newest.state === 'started') return newest.release
  const base = baseSlot(seen)
  const sole = soleSlot(seen)
  const baseRelease = base === null ? null : seen.slots[base].release
  if (baseRelease !== null && base !== sole) return baseRelease
  const since = seen.history.findIndex((entry) => entry.release.id === baseRelease?.id)
  const before = seen.history
    .slice(since + 1)
    .filter((entry) => entry.release.id !== baseRelease?.id && !isBad(seen, entry.release))
  // One that served but was never baked to the end is better than none; its gate still stands before it.
  const found = before.find((entry) => entry.state === 'good') ?? before.find((entry) => entry.state === 'live')
  return found?.release ?? null
}
