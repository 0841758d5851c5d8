import type { Shell, Target } from '#kernel'
import type { TargetContext } from '../index.ts'
import { engineOf } from './engine.ts'
import { namesOf } from './names.ts'
import { observeSlots } from './observe-slots.ts'
import type { Place } from './place.ts'
import { prune } from './prune.ts'
import { recordsOf } from './records.ts'
import { releaseShell } from './release-shell.ts'
import { slotLog } from './slot-log.ts'
import { startSlot } from './start-slot.ts'
import { stopSlot } from './stop-slot.ts'
import { usageOf } from './usage.ts'

/**
 * Slots are containers on the Docker Engine of a host, in a network of the environment's own, at fixed addresses that only the router
 * and the host reach: they publish no port. The engine brings them back after a restart.
 */
export function dockerTarget(context: TargetContext): Target {
  const { host, runner, app, environment, shell = runner } = context
  const place: Place = { host, engine: engineOf(host), names: namesOf(app, environment), records: recordsOf(host) }
  const onHost: Shell = {
    run: (command, signal) => host.look(command, signal),
    put: (path, bytes, mode) => shell.put(path, bytes, mode),
  }

  return {
    observe: () => observeSlots(place),
    start: (slot, release, secrets, signal) => startSlot(place, slot, release, secrets, signal),
    stop: (slot, { graceMs, remove }) => stopSlot(place, slot, graceMs, remove),
    logs: (slot) => slotLog(place, slot),
    usage: (slot, signal) => usageOf(place, slot, signal),
    place(kind, release) {
      if (kind === 'runner') return runner
      return kind === 'release' && release !== undefined ? releaseShell(place, release, shell) : onHost
    },
    prune: (keep) => prune(place, keep),
  }
}
