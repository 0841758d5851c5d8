import type { Fault } from './faults.ts'
import type { FileModel, ProjectModel } from './model.ts'
import { below } from './travel.ts'

/**
 * Paths that compose has resolved on this machine and that do not travel: a home (`~/data`), a folder beside the checkout (`../data`).
 * Where the project runs on another machine they would be looked for there, under a name that means nothing.
 * `written`: the same project with its paths as the team wrote them.
 */
export function straysOf(model: ProjectModel, written: ProjectModel, root: string): readonly Fault[] {
  const isStray = (given: string | null | undefined, found: string | null | undefined) =>
    given !== undefined && given !== null && !given.startsWith('/') && below(root, found ?? '') === null
  return Object.entries(model.services).flatMap(([service, own]) => {
    const mounts = (own.volumes ?? []).flatMap((mount, at) => {
      const { source } = written.services[service]?.volumes?.[at] ?? {}
      return mount.type === 'bind' && isStray(source, mount.source) ? [['volumes', source ?? ''] as const] : []
    })
    const files = (['secrets', 'configs'] as const).flatMap((kind) =>
      (own[kind] ?? []).flatMap(({ source }) => {
        const fileOf = (given: Readonly<Record<string, FileModel>>) => given[source]?.file
        const path = fileOf(written[kind])
        return isStray(path, fileOf(model[kind])) ? [[kind, path ?? ''] as const] : []
      }),
    )
    return [...mounts, ...files].map(([key, path]) => ({
      ...{ service, key, what: `${path} is outside of the checkout, and would be looked for on the host` },
      fix: 'Name a folder of the host by its absolute path, use a named volume, or move the files into the checkout.',
    }))
  })
}
