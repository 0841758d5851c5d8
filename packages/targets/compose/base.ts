import { Failure } from '#kernel'
import type { Release } from '#kernel'
import { faultIn } from '../docker/engine.ts'
import type { Words } from '../docker/engine.ts'
import { baseContainers } from './base-containers.ts'
import type { BaseContainer } from './base-containers.ts'
import { baseFile, makerOfVolumes, sharedFiles, volumesWithoutService } from './base-file.ts'
import { composeEnv, composeWords } from './compose-words.ts'
import { foldersOf } from './folders.ts'
import { slotNetwork } from './names.ts'
import type { ComposePlace } from './place.ts'
import { isJob, sharedServices } from './project.ts'
import type { KeptProject } from './project.ts'
import { hasSlotNetwork, nameOf, ownNetworks } from './slot-file.ts'

const upMs = 15 * 60_000
const healthySeconds = 180
const file = 'base/compose.json'

/** A constant program; its words are data. What lies there already is what services that stay were given, and stays. */
const copyMissing = String.raw`from=$1 to=$2
shift 2
mkdir -p "$to" || exit
for path; do
  [ -e "$to/$path" ] || [ ! -e "$from/$path" ] && continue
  mkdir -p "$(dirname "$to/$path")" && cp -a "$from/$path" "$to/$path" || exit
done`

/**
 * Has what stays up before a slot is: networks, volumes, and shared services, each healthy where a replaced one waits for that. What is
 * there is not touched, whatever the file says now: the database is not restarted because a release changed its options.
 * @throws Failure HOST_NOT_READY
 */
export async function ensureBase(place: ComposePlace, release: Release, project: KeptProject): Promise<void> {
  const { engine, host, names } = place
  const { model } = project
  const wanted = resources(project)
  const slots = hasSlotNetwork(project) ? (['blue', 'green'] as const).map((slot) => slotNetwork(names, slot)) : []
  const [containers, networks, volumes] = await Promise.all([
    baseContainers(engine, model.name),
    presentOf(place, 'network', [...wanted.networks, ...slots]),
    presentOf(place, 'volume', wanted.volumes),
  ])
  const missing = sharedServices(project).filter((name) => !isUp(project, name, containers))
  const makesVolumes = volumesWithoutService(project).some((key) => !volumes.includes(nameOf(model, 'volumes', key)))
  const newNetworks = slots.filter((name) => !networks.includes(name))
  if (missing.length === 0 && !makesVolumes && newNetworks.length === 0) return

  const folders = foldersOf(host.stateDir, release.id)
  const image = release.services[0]?.ref ?? ''
  await host.put(file, baseFile(names, project, folders, { networks, volumes }, image), 0o600)
  const files = sharedFiles(project)
  if (files.length > 0) {
    await host.act({ argv: ['sh', '-c', copyMissing, 'sh', folders.own, folders.shared, ...files], timeoutMs: 60_000 })
  }
  const compose = (...words: readonly string[]) =>
    composeWords(model.name, `${host.stateDir}/${file}`, `${host.stateDir}/base`, ...words)
  const waited = missing.filter((name) => !isJob(model, name))
  const said = await engine.act(
    [
      newNetworks.map((name): Words => ['network', 'create', ...labels(place), name]),
      makesVolumes ? [compose('create', '--pull=never', '--no-recreate', makerOfVolumes)] : [],
      makesVolumes ? [compose('rm', '--force', '--stop', makerOfVolumes)] : [],
      missing.length > waited.length ? [compose(...up, ...missing)] : [],
      waited.length > 0 ? [compose(...up, '--wait', `--wait-timeout=${healthySeconds}`, ...waited)] : [],
    ],
    { env: composeEnv, timeoutMs: upMs },
  )
  const fault = faultIn(said)
  if (fault === null) return
  throw new Failure('HOST_NOT_READY', `the services that stay do not come up: ${fault.slice(-2_000)}`, {
    hint: `On the host: docker compose --project-name ${model.name} ps; docker compose --project-name ${model.name} logs.`,
  })
}

const up = ['up', '--detach', '--no-recreate', '--no-build', '--quiet-pull'] as const

function labels({ names }: ComposePlace): string[] {
  const all = { app: names.app, environment: names.environment, role: 'slot-network' }
  return Object.entries(all).map(([key, value]) => `--label=switchyard.${key}=${value}`)
}

function isUp(project: KeptProject, name: string, containers: readonly BaseContainer[]): boolean {
  const own = containers.filter(({ service }) => service === name)
  if (own.length === 0) return false
  if (isJob(project.model, name)) return own.every(({ isDone, isRunning }) => isDone || isRunning)
  return own.every(({ isRunning, health }) => isRunning && (health === 'none' || health === 'healthy'))
}

function resources(project: KeptProject): {
  readonly networks: readonly string[]
  readonly volumes: readonly string[]
} {
  const { model } = project
  return {
    networks: ownNetworks(project).map((key) => nameOf(model, 'networks', key)),
    volumes: Object.keys(model.volumes).map((key) => nameOf(model, 'volumes', key)),
  }
}

async function presentOf(
  { engine }: ComposePlace,
  kind: 'network' | 'volume',
  wanted: readonly string[],
): Promise<readonly string[]> {
  if (wanted.length === 0) return []
  const { code, text } = await engine.look([kind, 'ls', '--format={{.Name}}'])
  if (code !== 0) throw new Failure('COMMAND_FAILED', `docker ${kind} ls: ${text.trim()}`)
  const there = new Set(text.split('\n'))
  return wanted.filter((name) => there.has(name))
}
