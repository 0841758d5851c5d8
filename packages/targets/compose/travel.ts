import { lstat, readFile, readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { Failure } from '#kernel'
import type { Fault } from './faults.ts'
import { doubled, single } from './model.ts'
import type { FileModel, ProjectModel, ServiceModel } from './model.ts'
import { ownPrefix, sharedPrefix } from './project.ts'
import type { ProjectFile } from './project.ts'

const mostBytes = 16 * 1024 * 1024
const mostFiles = 2_000

/** Files given to secrets and configs as values, beside those of the checkout. */
const valuesFolder = '.switchyard-values'

export interface Travelled {
  readonly model: ProjectModel
  readonly files: readonly ProjectFile[]
  readonly faults: readonly Fault[]
}

type Mount = NonNullable<ServiceModel['volumes']>[number]

/**
 * Takes the files of the checkout along that services mount, and names their places so that the host can fill them in. A replaced
 * service has a copy of its release's own; what it writes into lies with what all releases share, as do the files of shared services.
 * @throws Failure COMPOSE_UNSUPPORTED when there is too much, or a link leads out of the checkout
 */
export async function travel(model: ProjectModel, root: string, replaced: ReadonlySet<string>): Promise<Travelled> {
  const found = new Map<string, ProjectFile>()
  const faults: Fault[] = []
  const services: Record<string, ServiceModel> = {}
  for (const [name, own] of Object.entries(model.services)) {
    const volumes = own.volumes ?? []
    const placed: Mount[] = []
    for (const mount of volumes) {
      const path = mount.type === 'bind' ? below(root, mount.source ?? '') : null
      const kind = path === null ? null : await kindOf(join(root, path))
      if (path === null || kind === null) {
        placed.push(mount)
        continue
      }
      const way = replaced.has(name) ? wayOf(kind, mount.read_only === true) : kind === 'absent' ? 'state' : 'shared'
      if (way === 'refused') faults.push(refusal(name, path, kind))
      if (way === 'shared' && path === '') faults.push(wholeCheckout(name))
      if (way === 'own' || way === 'shared') await collect(root, path, found)
      placed.push({ ...mount, source: doubled(`${way === 'own' ? ownPrefix : sharedPrefix}${path}`) })
    }
    services[name] = own.volumes ? { ...own, volumes: placed } : own
  }
  const secrets = await files('secrets', model.secrets, root, found)
  const configs = await files('configs', model.configs, root, found)
  return { model: { ...model, services, secrets, configs }, files: [...found.values()], faults }
}

/** The path from the root, or null for one of the host's own. */
export function below(root: string, source: string): string | null {
  const path = relative(root, single(source))
  return path.startsWith('..') || isAbsolute(path) ? null : path
}

type Kind = 'file' | 'empty folder' | 'folder' | 'absent'

/** Null for what is no file: a socket, a device. */
async function kindOf(path: string): Promise<Kind | null> {
  const found = await stat(path).catch(() => null)
  if (found === null) return 'absent'
  if (found.isFile()) return 'file'
  if (!found.isDirectory()) return null
  const names = await readdir(path)
  return names.some((name) => !/^\.git(?:keep|ignore)$|^\.keep$/.test(name)) ? 'folder' : 'empty folder'
}

/** `state`: what it writes must be the same for every release. */
function wayOf(kind: Kind, isReadOnly: boolean): 'own' | 'state' | 'refused' {
  if (kind === 'file') return 'own'
  if (isReadOnly) return kind === 'absent' ? 'refused' : 'own'
  return kind === 'folder' ? 'refused' : 'state'
}

function refusal(service: string, path: string, kind: Kind): Fault {
  return kind === 'absent'
    ? {
        service,
        key: 'volumes',
        what: `./${path} is not in the checkout`,
        fix: `Commit ./${path}, or remove the mount.`,
      }
    : {
        service,
        key: 'volumes',
        what: `./${path || '.'} has files of the checkout and is written to: each release has its own copy of such files`,
        fix: 'Add :ro for files that belong to a release; use a named volume for what is to stay.',
      }
}

function wholeCheckout(service: string): Fault {
  const what = 'stays, and mounts the whole checkout'
  return {
    service,
    key: 'volumes',
    what,
    fix: 'Mount the files that it needs, or a folder of the host by its absolute path.',
  }
}

async function collect(root: string, path: string, found: Map<string, ProjectFile>): Promise<void> {
  const full = join(root, path)
  const entry = await lstat(full)
  if (entry.isDirectory()) {
    for (const name of (await readdir(full)).sort()) if (name !== '.git') await collect(root, join(path, name), found)
    return
  }
  if (entry.isSymbolicLink() && below(root, doubled(await realpath(full))) === null) {
    throw tooMuch(`./${path} is a link that leads out of the checkout`)
  }
  if (!(await stat(full)).isFile()) return
  add(found, { path, mode: entry.mode & 0o777, bytes: await readFile(full) })
}

function add(found: Map<string, ProjectFile>, file: ProjectFile): void {
  found.set(file.path, file)
  const sum = [...found.values()].reduce((total, { bytes }) => total + bytes.byteLength, 0)
  if (sum > mostBytes || found.size > mostFiles) {
    throw tooMuch(`the files that the project mounts are more than 16 MiB or 2000 files (at ./${file.path})`)
  }
}

function tooMuch(what: string): Failure {
  return new Failure('COMPOSE_UNSUPPORTED', what, {
    field: 'compose-file',
    hint: 'Put large files into the image or a named volume, or name a folder of the host by its absolute path.',
  })
}

/** Values travel as files too, readable in the container as compose's own are. */
async function files(
  kind: 'secrets' | 'configs',
  given: Readonly<Record<string, FileModel>>,
  root: string,
  found: Map<string, ProjectFile>,
): Promise<Record<string, FileModel>> {
  const placed: Record<string, FileModel> = {}
  for (const [name, { content, ...rest }] of Object.entries(given)) {
    if (content !== undefined) {
      const path = `${valuesFolder}/${kind}/${name}`
      add(found, { path, mode: 0o444, bytes: Buffer.from(single(content)) })
      placed[name] = { ...rest, file: `${ownPrefix}${path}` }
      continue
    }
    const path = rest.file === undefined ? null : below(root, rest.file)
    if (path !== null) await collect(root, path, found)
    placed[name] = path === null ? rest : { ...rest, file: doubled(`${ownPrefix}${path}`) }
  }
  return placed
}
