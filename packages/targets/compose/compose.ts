import type { Shell, Target } from '#kernel'
import type { TargetContext } from '../index.ts'
import { engineOf } from '../docker/engine.ts'
import { adopt, inPlace } from './adopt.ts'
import { healthOf } from '../docker/health.ts'
import { ensureImages } from '../docker/images.ts'
import { namesOf } from '../docker/names.ts'
import { observeSlots } from '../docker/observe-slots.ts'
import { prune } from '../docker/prune.ts'
import { recordsOf } from '../docker/records.ts'
import { checkedRelease } from '../docker/release-schema.ts'
import { slotLog } from '../docker/slot-log.ts'
import { usageOf } from '../docker/usage.ts'
import { handOver } from './hand-over.ts'
import type { ComposePlace } from './place.ts'
import { preflight } from './preflight.ts'
import { composeRecords } from './records.ts'
import { releaseShell } from './release-shell.ts'
import { checkRoom } from './room.ts'
import { startSlot } from './start-slot.ts'
import { stopSlot } from './stop-slot.ts'

/**
 * The team's own compose project. What releases replace runs twice, each slot a project of its own with addresses that only the router
 * and the host reach; everything else, the database above all, stays in the team's project and is never touched once it is up.
 */
export function composeTarget(context: TargetContext): Target {
  const { host, runner, app, environment, shell = runner, carried = () => null } = context
  const place: ComposePlace = {
    ...{ host, engine: engineOf(host), names: namesOf(app, environment), records: recordsOf(host) },
    projects: composeRecords(host),
    login: context.login,
    here: new Set(),
  }
  const onHost: Shell = {
    run: (command, signal) => host.look(command, signal),
    put: (path, bytes, mode) => shell.put(path, bytes, mode),
  }
  return {
    observe: () => observeSlots(place),
    async preflight(release) {
      await preflight(place, release, carried(release.id), context.adopts === true)
      return checkRoom(place, release, carried(release.id))
    },
    prepare: (release, signal) => ensureImages(place, checkedRelease(release), signal),
    start: (slot, release, secrets, signal) => startSlot(place, slot, release, secrets, carried(release.id), signal),
    stop: (slot, { graceMs, remove }) => stopSlot(place, slot, graceMs, remove),
    handOver: (slot, { graceMs }, signal) => handOver(place, slot, graceMs, signal),
    logs: (slot) => slotLog(place, slot),
    health: (slot) => healthOf(place, slot),
    usage: (slot, signal) => usageOf(place, slot, signal),
    place(kind, release) {
      if (kind === 'runner') return runner
      return kind === 'release' && release !== undefined
        ? releaseShell(place, release, carried(release.id), shell)
        : onHost
    },
    prune: (keep) => prune(place, keep),
    async inPlace(release) {
      const project = carried(release.id) ?? (await place.projects.project(release.id))
      return project === null ? [] : (await inPlace(place, project)).map(({ name }) => name)
    },
    adopt: (release) => adopt(place, release, carried(release.id)),
  }
}
