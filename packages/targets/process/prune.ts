import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { slots } from '#kernel'
import { parseArtifact } from './artifact.ts'
import type { Records } from './records.ts'

/** Removes releases that are neither to be kept nor in a slot (null: none), with their logs, and then artifacts that no release needs. */
export function prune(records: Records, keep: readonly string[] | null): void {
  const held = slots.flatMap((slot) => records.slot(slot)?.release ?? [])
  const folder = join(records.root, 'releases')
  if (keep !== null) {
    for (const id of entries(folder)) {
      if (!keep.includes(id) && !held.includes(id)) rmSync(join(folder, id), { recursive: true, force: true })
    }
  }
  const releases = entries(folder).flatMap((id) => records.release(id)?.release ?? [])
  const needed = new Set(releases.flatMap(({ services }) => services.map(({ ref }) => parseArtifact(ref).sha256)))
  for (const name of entries(join(records.root, 'artifacts'))) {
    if (!needed.has(name)) rmSync(join(records.root, 'artifacts', name), { recursive: true, force: true })
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
