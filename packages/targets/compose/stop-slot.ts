import type { Slot } from '#kernel'
import { stopSlot as stopContainers } from '../docker/stop-slot.ts'
import type { ComposePlace } from './place.ts'
import type { KeptProject } from './project.ts'

/** A policy's grace when nothing hurries; the team's own, where it wrote one, stands in its place. */
const unhurriedMs = 10_000

/** Stops what runs in the slot, with the grace that the team's file gives its services. */
export async function stopSlot(place: ComposePlace, slot: Slot, graceMs: number, remove: boolean): Promise<void> {
  const held = (await place.records.slots())[slot]
  const project = held === null ? null : await place.projects.project(held.release)
  await stopContainers(place, slot, project === null ? graceMs : graceOf(project, graceMs), remove)
}

/** What a policy's grace becomes where the team wrote one. */
export function graceOf(project: KeptProject, graceMs: number): number {
  const own = graceMs < unhurriedMs ? 0 : longestGraceMs(project)
  return own > 0 ? own : graceMs
}

/** In ms; 0 where the file says nothing. */
export function longestGraceMs({ model, replaced }: KeptProject): number {
  const written = replaced.flatMap((name) => model.services[name]?.stop_grace_period ?? [])
  return Math.max(0, ...written.map(millisecondsOf))
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 0.001 }

/** As compose prints a duration: `1m30s`. */
function millisecondsOf(text: string): number {
  const parts = [...text.matchAll(/([0-9.]+)(h|ms|m|us|s)/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0)
}
