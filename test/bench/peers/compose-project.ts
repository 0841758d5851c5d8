import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, docker, systemEnvironment } from '../../components/docker.ts'
import type { Site } from './peer.ts'

export type Services = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** A compose project in a folder of its own. */
export interface ComposeProject {
  readonly folder: string
  /** Writes the file anew, as a team does that changes an image's tag. */
  write(services: Services): Promise<void>
  compose(...words: readonly string[]): Promise<string>
  /** Runs a plugin's script the way `docker` would, with the project's file. */
  plugin(script: string, verb: string, ...words: readonly string[]): Promise<string>
  down(): Promise<void>
}

const longMs = 180_000

export async function composeProject(name: string, { host, folder: parent }: Site): Promise<ComposeProject> {
  const folder = join(parent, name)
  const file = join(folder, 'compose.yaml')
  await mkdir(folder, { recursive: true })
  const compose = (...words: readonly string[]) =>
    docker(['compose', '--file', file, ...words], { host, timeoutMs: longMs })
  return {
    folder,
    write: (services) => writeFile(file, JSON.stringify({ name: `switchyard-bench-${name}`, services })),
    compose,
    plugin: (script, verb, ...words) =>
      command(['sh', script, verb, '--file', file, ...words], {
        environment: { ...systemEnvironment(), DOCKER_HOST: host },
        timeoutMs: longMs,
      }),
    async down() {
      await compose('down', '--volumes', '--timeout', '1')
      await rm(folder, { recursive: true })
    },
  }
}
