import type { Release, Slot } from '#kernel'
import { containerWords, livingWords, restartOf } from './container-words.ts'
import type { Words } from './engine.ts'
import { containerName, labelsOf } from './names.ts'
import type { Names } from './names.ts'
import type { Placed } from './network.ts'
import type { KeptRelease, Records } from './records.ts'

/** How containers come to be: what has to be done first, phase by phase, and then all at once. */
export interface Making {
  readonly before: readonly (readonly Words[])[]
  readonly last: readonly Words[]
}

/**
 * Makes and starts instances. A container that is to be in more than one network is made first and joined to them before it runs: the
 * oldest engines take one network with `run`.
 */
export function makingOf(
  names: Names,
  records: Records,
  kept: KeptRelease,
  slot: Slot,
  places: readonly Placed[],
): Making {
  const nameOf = ({ service, instance }: Placed) => containerName(names, slot, kept.release.id, service.name, instance)
  const joined = places.filter(({ service }) => networksOf(service).length > 0)
  const alone = places.filter((each) => !joined.includes(each))
  return {
    before: [
      joined.map((each) => instanceWords(['create'], names, records, kept, slot, each)),
      joined.flatMap((each) => connectWords(each.service, nameOf(each))),
    ],
    last: [
      ...joined.map((each): Words => ['start', '--', nameOf(each)]),
      ...alone.map((each) => instanceWords(['run', '--detach'], names, records, kept, slot, each)),
    ],
  }
}

export function networksOf({ container }: Release['services'][number]): readonly string[] {
  return [...new Set(container?.networks ?? [])]
}

export function connectWords(service: Release['services'][number], name: string): readonly Words[] {
  return networksOf(service).map((network) => ['network', 'connect', '--', network, name])
}

/** Every value is joined to its option, so that none can become one. */
function instanceWords(
  verb: Words,
  names: Names,
  records: Records,
  kept: KeptRelease,
  slot: Slot,
  { service, instance, address }: Placed,
): Words {
  const { release } = kept
  const own = {
    SWITCHYARD_SLOT: slot,
    SWITCHYARD_INSTANCE: String(instance),
    ...(service.routed === undefined ? {} : { PORT: String(service.routed.port) }),
  }
  return [
    ...[
      ...verb,
      '--pull=never',
      `--restart=${restartOf(service)}`,
      ...containerWords(service),
      ...livingWords(service),
    ],
    `--name=${containerName(names, slot, release.id, service.name, instance)}`,
    ...labelsOf(names, {
      role: 'slot',
      slot,
      release: release.id,
      service: service.name,
      instance: String(instance),
      address,
    }),
    ...[`--network=${names.network}`, `--ip=${address}`, `--network-alias=${service.name}-${slot}`],
    ...environmentWords(records, kept, service, own),
    ...['--', service.ref, ...(service.command ?? [])],
  ]
}

/** A one-off container of the release's first service, with its settings and secrets: run, or made to be joined to more networks. */
export function oneOffWords(
  verb: 'run' | 'create',
  names: Names,
  records: Records,
  kept: KeptRelease,
  more: Words,
): Words {
  const [service] = kept.release.services
  if (service === undefined) return []
  return [
    ...[verb, '--rm', '--interactive', '--pull=never', ...containerWords(service), `--network=${names.network}`],
    ...labelsOf(names, { role: 'release', release: kept.release.id }),
    ...environmentWords(records, kept, service, {}),
    ...more,
  ]
}

/** Secrets win over settings, and ours over both. Values kept apart are named alone: docker takes them from its own environment. */
function environmentWords(
  records: Records,
  { release, secrets }: KeptRelease,
  service: Release['services'][number],
  own: Readonly<Record<string, string>>,
): string[] {
  const last: Readonly<Record<string, string>> = { ...own, SWITCHYARD_VERSION: release.version }
  const secret = new Set([...secrets.file, ...secrets.apart])
  const settings = Object.entries(service.env).filter(([name]) => !secret.has(name) && !Object.hasOwn(last, name))
  return [
    ...(secrets.file.length === 0 ? [] : [`--env-file=${records.envFile(release.id)}`]),
    ...settings.map(([name, value]) => `--env=${name}=${value}`),
    ...secrets.apart.filter((name) => !Object.hasOwn(last, name)).map((name) => `--env=${name}`),
    ...Object.entries(last).map(([name, value]) => `--env=${name}=${value}`),
  ]
}
