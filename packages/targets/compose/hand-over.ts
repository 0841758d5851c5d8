import { other } from '#kernel'
import type { Slot } from '#kernel'
import { handOver as handOverContainers } from '../docker/hand-over.ts'
import { composeEnv, composeWords } from './compose-words.ts'
import { slotProject } from './names.ts'
import type { ComposePlace } from './place.ts'
import { policyOf, serviceKey } from './slot-file.ts'
import { upWords } from './start-slot.ts'
import { graceOf } from './stop-slot.ts'

/** Moves what must not run twice to a slot, as compose would run the team's file, with the grace that the file gives. */
export async function handOver(place: ComposePlace, slot: Slot, graceMs: number, signal: AbortSignal): Promise<void> {
  const { names, records, projects } = place
  const slots = await records.slots()
  const projectIn = async (held: (typeof slots)[Slot]) => (held === null ? null : projects.project(held.release))
  const [project, leaving] = await Promise.all([projectIn(slots[slot]), projectIn(slots[other(slot)])])
  const longest = leaving === null ? graceMs : graceOf(leaving, graceMs)
  await handOverContainers(place, slot, longest, signal, {
    making: ({ release: { id } }, missing) => ({
      before: [],
      last: [
        composeWords(
          slotProject(names, slot, id),
          projects.file(id, slot),
          projects.folder(id),
          ...[...upWords, '--no-deps', '--', ...missing.map((each) => serviceKey(each, slot))],
        ),
      ],
    }),
    env: composeEnv,
    restart: ({ name }) => policyOf(project?.model.services[name] ?? {}),
  })
}
