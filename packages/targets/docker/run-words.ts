import type { Release, Slot } from '#kernel'
import type { Words } from './engine.ts'
import { containerName, labelsOf } from './names.ts'
import type { Names } from './names.ts'
import type { Placed } from './network.ts'
import type { KeptRelease, Records } from './records.ts'

/** What grows without bound fills the disk that every other release needs. json-file: `logs` works whatever the engine's default is. */
const logWords = ['--log-driver=json-file', '--log-opt=max-size=10m', '--log-opt=max-file=3']

/**
 * Starts one instance. `always`, because an engine that was killed leaves containers that are to start `unless-stopped` lying;
 * what is retired is told `no` first. Every value is joined to its option, so that none can become one.
 */
export function runWords(
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
    ...['run', '--detach', '--pull=never', '--restart=always', ...logWords],
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

/** A one-off container of the release, with its settings and secrets. */
export function oneOffWords(names: Names, records: Records, kept: KeptRelease, more: Words): Words {
  const [service] = kept.release.services
  if (service === undefined) return []
  return [
    ...['run', '--rm', '--interactive', '--pull=never', ...logWords, `--network=${names.network}`],
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
