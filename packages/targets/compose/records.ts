import { Failure } from '#kernel'
import type { Host, Slot } from '#kernel'
import { releaseIdSchema } from '../docker/release-schema.ts'
import { archive } from './archive.ts'
import { parseProject } from './project.ts'
import type { ComposeProject, KeptProject } from './project.ts'

/** What a release's project left on the host, beside its other records. All of it is for the owner alone. */
export interface ComposeRecords {
  project(id: string): Promise<KeptProject | null>
  /** Files first: where the project is, they are. */
  keep(id: string, project: ComposeProject): Promise<void>
  /** Absolute path of the file for a slot, or for one-off commands. */
  file(id: string, of: Slot | 'once'): string
  putFile(id: string, of: Slot | 'once', text: string): Promise<void>
  folder(id: string): string
  /** The name of the team's project that this environment's data belong to. */
  projectName(): Promise<string | null>
  keepProjectName(name: string): Promise<void>
}

/** A constant program: unpacks a tar into a folder, whole or not at all. */
const unpack = String.raw`umask 077
rm -rf "$1.new" && mkdir -p "$1.new" && chmod 700 "$(dirname "$1")" && tar -x -p -f - -C "$1.new" && chmod 755 "$1.new" && rm -rf "$1" && mv "$1.new" "$1"`

export function composeRecords(host: Host): ComposeRecords {
  const folder = (id: string) => `releases/${releaseIdSchema.parse(id)}`
  return {
    async project(id) {
      const path = `${folder(id)}/project.json`
      const text = await host.recall(path)
      return text === null ? null : parseProject(text, `${path} in ${host.stateDir}`)
    },
    async keep(id, { files, ...project }) {
      if (files.length > 0) {
        const argv = ['sh', '-c', unpack, 'sh', `${host.stateDir}/${folder(id)}/files`] as const
        await host.act({ argv, stdin: archive(files), timeoutMs: 120_000 }).catch((cause: unknown) => {
          throw new Failure('HOST_NOT_READY', `${host.name}: the files of the project cannot be unpacked`, { cause })
        })
      }
      await host.put(`${folder(id)}/project.json`, JSON.stringify(project), 0o600)
    },
    file: (id, of) => `${host.stateDir}/${folder(id)}/compose.${of}.json`,
    putFile: (id, of, text) => host.put(`${folder(id)}/compose.${of}.json`, text, 0o600),
    folder: (id) => `${host.stateDir}/${folder(id)}`,
    projectName: async () => (await host.recall('base/project-name'))?.trim() ?? null,
    keepProjectName: (name) => host.put('base/project-name', `${name}\n`),
  }
}
