import { Failure } from '#kernel'
import type { Endpoint, Release, Secrets, Slot } from '#kernel'
import { listContainers, listWords, readContainers } from '../docker/containers.ts'
import { faultIn } from '../docker/engine.ts'
import type { Words } from '../docker/engine.ts'
import { ensureImages } from '../docker/images.ts'
import { containerName } from '../docker/names.ts'
import { placesOf, readNetwork } from '../docker/network.ts'
import type { Placed } from '../docker/network.ts'
import { endpointsOf } from '../docker/observe-slots.ts'
import type { KeptRelease, SlotRecords } from '../docker/records.ts'
import { checkedRelease, checkedSecrets } from '../docker/release-schema.ts'
import {
  assertNoneFails,
  notStarted,
  ofPlaces,
  otherReleaseGraceMs,
  sortOut,
  usualPlaces,
} from '../docker/start-slot.ts'
import { stopPhases } from '../docker/stop-slot.ts'
import { adoptFolders } from './adopt.ts'
import { ensureBase } from './base.ts'
import { composeEnv, composeWords } from './compose-words.ts'
import { foldersOf } from './folders.ts'
import { slotProject } from './names.ts'
import type { ComposePlace } from './place.ts'
import type { ComposeProject, KeptProject } from './project.ts'
import { onceFile, policyOf, serviceKey, slotFile } from './slot-file.ts'

/** What is there stays as it is, and what is not comes from what the engine has. */
export const upWords = ['up', '--detach', '--no-build', '--no-recreate', '--pull=never'] as const

/**
 * Makes the slot hold the release and run it, as compose would run the team's file. `carried` is what the release brought from the
 * checkout; a release that was here before starts from what was kept of it. Can be cut short anywhere and done again.
 * @throws Failure RELEASE_INVALID, IMAGE_MISSING, HOST_NOT_READY, START_FAILED (with the last lines of the log)
 */
export async function startSlot(
  place: ComposePlace,
  slot: Slot,
  given: Release,
  secrets: Secrets | undefined,
  carried: ComposeProject | null,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const { engine, names, records, projects } = place
  const release = checkedRelease(given)
  const checked = secrets === undefined ? undefined : checkedSecrets(secrets)
  const [containers, slots, network, before, known, name] = await Promise.all([
    listContainers(engine, names),
    records.slots(),
    readNetwork(engine, names),
    records.release(release.id),
    projects.project(release.id),
    projects.projectName(),
    ensureImages(place, release, signal),
  ])
  const project = known ?? carried ?? noProject(release)
  const places = placesOf(release, slot, network)
  const usual = await usualPlaces(place, release, slot, slots, places)
  const endpoints = endpointsOf(release, slot, network)
  const here = containers.filter((each) => each.slot === slot)
  const sorted = sortOut(place, slot, release, usual, here)
  const next: SlotRecords = {
    ...slots,
    generation: slots.generation + 1,
    [slot]: { release: release.id, generation: slots.generation + 1, network },
  }
  const own = here.filter((each) => each.release === release.id)
  const isUp = sorted.missing.length + sorted.ended.length + sorted.others.length === 0
  if (isUp && slots[slot]?.release === release.id && before !== null && known !== null) {
    await assertNoneFails(place, ofPlaces(place, slot, release, usual, own))
    await records.keepSlots(next)
    return endpoints
  }

  if (known === null && carried !== null) await projects.keep(release.id, carried)
  const kept: KeptRelease = {
    release,
    secrets: { file: [], apart: checked === undefined ? (before?.secrets.apart ?? []) : Object.keys(checked) },
  }
  const values = checked ?? (kept.secrets.apart.length > 0 ? await records.secretsApart(release.id) : {})
  if (name !== project.model.name) await projects.keepProjectName(project.model.name)
  await records.keepStart(release.id, {
    secretsApart: checked !== undefined && kept.secrets.apart.length > 0 ? checked : undefined,
    kept: JSON.stringify(before) === JSON.stringify(kept) ? undefined : kept,
    slots: next,
  })
  await adoptFolders(place, project)
  await ensureBase(place, release, project)
  await putFiles(place, { project, kept, secrets: values, slot, places, usual })

  // Of this release and of no use, under whatever name a compose that was killed has left it.
  const serviceOf = new Map(
    places.map(({ service, instance }) => [
      containerName(names, slot, release.id, service.name, instance),
      service.name,
    ]),
  )
  const useless = [...sorted.useless, ...own.filter(({ name }) => !serviceOf.has(name))].map(({ name }) => name)
  const said = await engine.act(
    [
      ...stopPhases(
        sorted.others.map(({ name }) => name),
        otherReleaseGraceMs,
      ),
      useless.length === 0 ? [] : [['rm', '--force', '--', ...useless]],
      // Retiring told the engine not to bring it back.
      sorted.ended.map(({ name }): Words => [
        'update',
        `--restart=${policyOf(project.model.services[serviceOf.get(name) ?? ''] ?? {})}`,
        name,
      ]),
      [
        ...(usual.length === 0
          ? []
          : [
              composeWords(
                slotProject(names, slot, release.id),
                projects.file(release.id, slot),
                projects.folder(release.id),
                ...[...upWords, '--', ...usual.map((each) => serviceKey(each, slot))],
              ),
            ]),
      ],
      [listWords(names)],
    ],
    { env: composeEnv, signal },
  )
  const fault = faultIn(said)
  if (fault !== null) throw await notStarted(place, slot, release, fault)
  const now = readContainers(said.at(-1)?.text ?? '')
  await assertNoneFails(place, ofPlaces(place, slot, release, usual, now))
  return endpoints
}

interface Filled {
  readonly project: KeptProject
  readonly kept: KeptRelease
  readonly secrets: Secrets
  readonly slot: Slot
  readonly places: readonly Placed[]
  readonly usual: readonly Placed[]
}

async function putFiles({ host, names, projects }: ComposePlace, filled: Filled): Promise<void> {
  const { id, services } = filled.kept.release
  const inputs = { ...filled, names, folders: foldersOf(host.stateDir, id) }
  await projects.putFile(id, filled.slot, slotFile(inputs))
  const [first] = services
  if (first !== undefined) await projects.putFile(id, 'once', onceFile(inputs, first))
}

function noProject(release: Release): never {
  throw new Failure('RELEASE_INVALID', `release ${release.id.slice(0, 8)} carries no compose project`, {
    field: 'target',
    hint: 'Give target: compose where the release is deployed, with the repository checked out.',
  })
}
