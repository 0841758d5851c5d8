import { Failure } from '#kernel'
import type { Adopted, Release } from '#kernel'
import { faultIn } from '../docker/engine.ts'
import type { Words } from '../docker/engine.ts'
import { baseContainers } from './base-containers.ts'
import type { BaseContainer } from './base-containers.ts'
import { single } from './model.ts'
import type { ComposePlace } from './place.ts'
import { sharedPrefix } from './project.ts'
import type { ComposeProject, KeptProject } from './project.ts'

/** What is in flight may end; all the while nobody answers. */
const graceSeconds = 5

/** A constant program; its words are data. Folders that the app writes into stay where they are, and are found from ours. */
const linkFolders = String.raw`from=$1 to=$2
shift 2
for path; do
  [ ! -e "$from/$path" ] || [ -e "$to/$path" ] || [ -L "$to/$path" ] && continue
  mkdir -p "$(dirname "$to/$path")" && ln -s "$from/$path" "$to/$path" || exit
done`

/** Containers of replaced services that compose itself runs today. */
export async function inPlace({ engine }: ComposePlace, project: KeptProject): Promise<readonly BaseContainer[]> {
  const containers = await baseContainers(engine, project.model.name)
  return containers.filter(({ service, isRunning }) => isRunning && project.replaced.includes(service))
}

/** Folders of the checkout that replaced services write into: those of the project that runs today hold the data. */
export async function adoptFolders(place: ComposePlace, project: KeptProject): Promise<void> {
  const { engine, host } = place
  const paths = project.replaced.flatMap((name) =>
    (project.model.services[name]?.volumes ?? []).flatMap(({ source }) =>
      source?.startsWith(sharedPrefix) ? [single(source.slice(sharedPrefix.length))] : [],
    ),
  )
  const [running] = paths.length === 0 ? [] : await inPlace(place, project)
  if (running === undefined) return
  const format = '--format={{index .Config.Labels "com.docker.compose.project.working_dir"}}'
  const { code, text } = await engine.look(['inspect', format, '--', running.name])
  const folder = text.trim()
  if (code !== 0 || !folder.startsWith('/')) return
  const words = ['sh', '-c', linkFolders, 'sh', folder, `${host.stateDir}/base/files`, ...paths] as const
  await host.act({ argv: words, timeoutMs: 60_000 })
}

/**
 * Stops what compose itself runs of the services that the release replaces, so that the front can have its port. Databases and all else
 * that stays are not touched. Null when there is nothing to stop.
 * @throws Failure HOST_NOT_READY
 */
export async function adopt(
  place: ComposePlace,
  release: Release,
  carried: ComposeProject | null,
): Promise<Adopted | null> {
  const { engine, projects } = place
  const project = carried ?? (await projects.project(release.id))
  const names = project === null ? [] : (await inPlace(place, project)).map(({ name }) => name)
  if (names.length === 0) return null
  const policies = await policiesOf(place, names)
  const back: readonly (readonly Words[])[] = [
    names.map((name) => ['update', `--restart=${policies.get(name) ?? 'no'}`, name]),
    [['start', '--', ...names]],
  ]
  const said = await engine.act([
    [['update', '--restart=no', ...names]],
    [['stop', `--time=${graceSeconds}`, '--', ...names]],
  ])
  const fault = faultIn(said)
  if (fault !== null) {
    await engine.act(back)
    throw new Failure('HOST_NOT_READY', `${names.join(', ')} cannot be stopped: ${fault}`)
  }
  return { names, back: async () => void (await engine.act(back)) }
}

async function policiesOf({ engine }: ComposePlace, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const format = '--format={{.HostConfig.RestartPolicy.Name}}'
  const { text } = await engine.look(['inspect', format, '--', ...names])
  const policies = text.split('\n')
  return new Map(names.map((name, at) => [name, policies[at]?.trim() || 'no']))
}
