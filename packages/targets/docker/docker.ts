import { other } from '#kernel'
import type { Shell, Target } from '#kernel'
import type { TargetContext } from '../index.ts'
import { graceOf } from './container-words.ts'
import { engineOf } from './engine.ts'
import { healthOf } from './health.ts'
import { handOver } from './hand-over.ts'
import { ensureImages } from './images.ts'
import { namesOf } from './names.ts'
import { observeSlots, releaseIn } from './observe-slots.ts'
import type { Place } from './place.ts'
import { preflight } from './preflight.ts'
import { prune } from './prune.ts'
import { recordsOf } from './records.ts'
import { checkedRelease } from './release-schema.ts'
import { releaseShell } from './release-shell.ts'
import { slotLog } from './slot-log.ts'
import { startSlot } from './start-slot.ts'
import { stopSlot } from './stop-slot.ts'
import { usageOf } from './usage.ts'

/** A policy's grace when nothing hurries; the release's own, where it has one, stands in its place. */
const usualGraceMs = 10_000

/**
 * Slots are containers on the Docker Engine of a host, in a network of the environment's own, at fixed addresses that only the router
 * and the host reach: they publish no port. The engine brings them back after a restart.
 */
export function dockerTarget(context: TargetContext): Target {
  const { host, runner, app, environment, shell = runner } = context
  const place: Place = {
    ...{ host, engine: engineOf(host), names: namesOf(app, environment), records: recordsOf(host) },
    login: context.login,
    here: new Set(),
  }
  const onHost: Shell = {
    run: (command, signal) => host.look(command, signal),
    put: (path, bytes, mode) => shell.put(path, bytes, mode),
  }

  return {
    observe: () => observeSlots(place),
    preflight: (release) => preflight(place, release),
    prepare: (release, signal) => ensureImages(place, checkedRelease(release), signal),
    start: (slot, release, secrets, signal) => startSlot(place, slot, release, secrets, signal),
    async stop(slot, { graceMs, remove }) {
      const held = await releaseIn(place, await place.records.slots(), slot)
      return stopSlot(place, slot, graceOf(held, graceMs, usualGraceMs), remove)
    },
    async handOver(slot, { graceMs }, signal) {
      const leaving = await releaseIn(place, await place.records.slots(), other(slot))
      return handOver(place, slot, graceOf(leaving, graceMs, usualGraceMs), signal)
    },
    logs: (slot) => slotLog(place, slot),
    health: (slot) => healthOf(place, slot),
    usage: (slot, signal) => usageOf(place, slot, signal),
    place(kind, release) {
      if (kind === 'runner') return runner
      return kind === 'release' && release !== undefined ? releaseShell(place, release, shell) : onHost
    },
    prune: (keep) => prune(place, keep),
  }
}
