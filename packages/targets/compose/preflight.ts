import { Failure } from '#kernel'
import type { Release } from '#kernel'
import { inPlace } from './adopt.ts'
import { othersOf } from './base-containers.ts'
import { assertCompose } from './compose-version.ts'
import type { ComposePlace } from './place.ts'
import type { ComposeProject } from './project.ts'
import { allCodes } from './read-project.ts'

/**
 * Could this release be started here? A look: is there a compose, is the project this environment's own, does compose itself run none of
 * what is to be replaced.
 * @throws Failure COMPOSE_MISSING, COMPOSE_RUNNING, INPUT_CONFLICT, RELEASE_INVALID
 */
export async function preflight(
  place: ComposePlace,
  release: Release,
  carried: ComposeProject | null,
  adopts: boolean,
): Promise<void> {
  const { engine, host, names, projects } = place
  await assertCompose((argv) => host.look({ argv, timeoutMs: 60_000, okCodes: allCodes }), host.name)
  const project = carried ?? (await projects.project(release.id))
  if (project === null) {
    throw new Failure('RELEASE_INVALID', 'the release carries no compose project', {
      field: 'target',
      hint: 'Give target: compose, with the repository checked out.',
    })
  }
  const { name } = project.model
  const [before, others] = await Promise.all([projects.projectName(), othersOf(engine, names, name)])
  if (before !== null && before !== name) {
    throw new Failure(
      'INPUT_CONFLICT',
      `the compose project is called ${name} now; this environment's data are ${before}'s`,
      {
        field: 'compose-file',
        hint: `Write \`name: ${before}\` at the top of the compose file.`,
      },
    )
  }
  if (others.length > 0) {
    throw new Failure('INPUT_CONFLICT', `the compose project ${name} is ${others.join(', ')}'s on this host`, {
      field: 'compose-file',
      hint: 'Two environments on one host need two names: write `name: ${COMPOSE_PROJECT_NAME}` or give each its own state of the file.',
    })
  }
  const running = await inPlace(place, project)
  if (running.length === 0 || adopts) return
  const services = [...new Set(running.map(({ service }) => service))].join(' ')
  throw new Failure(
    'COMPOSE_RUNNING',
    `${services} of project ${name} runs on this host, started by docker compose itself`,
    {
      field: 'adopt',
      hint: `Set adopt: true once: the release is proven first, then its port is taken over, with one short gap. Or by hand, before the first deploy: docker compose --project-name ${name} rm --stop --force ${services}. Databases and volumes stay.`,
    },
  )
}
