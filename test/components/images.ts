import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, docker } from './docker.ts'
import { addNameServices, addPrograms, addUsers, makeTree } from './root-file-system.ts'

const contentLabel = 'switchyard.test.content'

/** What one engine has built, as archives for the others: to load one takes a third of the time of building it. */
const archives = join(tmpdir(), 'switchyard-images')

/** The image names the tests use. The shop's tag is the caller's. */
export const imageNames = {
  base: 'switchyard-test/base:1',
  haproxy: 'switchyard-test/haproxy:1',
  caddy: 'switchyard-test/caddy:1',
} as const

/** Which engine to build on; without a host, the one the environment names. */
export interface BuildOptions {
  readonly host?: string
}

/**
 * The base of every test application: Node, its libraries, busybox and a user `node` (1000); nothing is pulled.
 * @returns the image ID (`sha256:…`)
 */
export async function buildBase(options: BuildOptions = {}): Promise<string> {
  const node = process.execPath
  const dockerfile = ['FROM scratch', 'COPY root/ /', 'ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp', 'CMD ["node"]']
  const content = hash([...dockerfile, await hashFile(node), await hashFile('/bin/busybox')])
  return provide(imageNames.base, content, options, async (context) => {
    const root = join(context, 'root')
    await makeTree(root)
    await addPrograms(
      root,
      new Map([
        [node, '/usr/local/bin/node'],
        ['/bin/busybox', '/usr/bin/busybox'],
      ]),
    )
    await strip(join(root, 'usr/local/bin/node'))
    await addApplets(root)
    await addNameServices(root)
    await addUsers(root, { node: 1000 })
    return dockerfile
  })
}

/**
 * HAProxy as the official image has it: bash and coreutils of a slim Debian, the user `haproxy` (99), SIGUSR1 as stop
 * signal, and no socat, nc or curl. What works here with `docker exec … bash` works there.
 * @returns the image ID (`sha256:…`)
 */
export async function buildHaproxy(options: BuildOptions = {}): Promise<string> {
  const programs = new Map([
    ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'],
    ...['bash', 'cat', 'cp', 'mv', 'rm', 'mkdir', 'ls', 'head', 'sleep', 'timeout', 'id', 'sync'].map(
      (name) => [`/bin/${name}`, `/usr/bin/${name}`] as const,
    ),
  ])
  const dockerfile = [
    'FROM scratch',
    'COPY root/ /',
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'STOPSIGNAL SIGUSR1',
    'USER haproxy',
    'WORKDIR /var/lib/haproxy',
    'CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]',
  ]
  const content = hash([...dockerfile, ...programs.keys(), await hashFile('/usr/sbin/haproxy')])
  return provide(imageNames.haproxy, content, options, async (context) => {
    const root = join(context, 'root')
    await makeTree(root)
    await addPrograms(root, programs)
    await symlink('bash', join(root, 'usr/bin/sh'))
    await addNameServices(root)
    await addUsers(root, { haproxy: 99 })
    await mkdir(join(root, 'usr/local/etc/haproxy/errors'), { recursive: true })
    await mkdir(join(root, 'var/lib/haproxy'), { recursive: true })
    return dockerfile
  })
}

/**
 * Caddy alone: the official image has a shell and some programs beside it, which nothing of ours may need. Like there, the program asks
 * for the power to take low ports.
 * @returns the image ID (`sha256:…`)
 */
export async function buildCaddy(program: string, options: BuildOptions = {}): Promise<string> {
  const dockerfile = ['FROM scratch', 'COPY root/ /', 'ENV PATH=/usr/bin', 'WORKDIR /srv', 'CMD ["caddy", "run"]']
  const content = hash([...dockerfile, await hashFile(program)])
  return provide(imageNames.caddy, content, options, async (context) => {
    const root = join(context, 'root')
    await makeTree(root)
    await addPrograms(root, new Map([[program, '/usr/bin/caddy']]))
    await addUsers(root, {})
    return dockerfile
  })
}

/** One test application: its folder (with a `server.mjs`), the image's name and tag, and the version it answers with. */
export interface Application {
  readonly folder: string
  readonly tag: string
  readonly version: string
}

/**
 * Puts an application's folder on top of the base image (which is built when it is missing). The version is in the
 * environment as VERSION; HOST and PORT are 0.0.0.0 and 3000 unless the container is told otherwise.
 * @returns the image ID (`sha256:…`)
 */
export async function buildApplication(application: Application, options: BuildOptions = {}): Promise<string> {
  const base = await buildBase(options)
  const dockerfile = [
    `FROM ${imageNames.base}`,
    'WORKDIR /app',
    'COPY application/ /app/',
    `ENV VERSION=${application.version} HOST=0.0.0.0 PORT=3000`,
    'USER node',
    'EXPOSE 3000',
    'CMD ["node", "server.mjs"]',
  ]
  const content = hash([...dockerfile, base, await hashFolder(application.folder)])
  const present = await inspect(application.tag, options)
  if (present?.content === content) return present.id
  return build(application.tag, content, options, async (context) => {
    await cp(application.folder, join(context, 'application'), { recursive: true })
    return dockerfile
  })
}

type Fill = (context: string) => Promise<readonly string[]>

/** Builds an image, or loads it where an engine of this machine has built it before. */
async function provide(tag: string, content: string, options: BuildOptions, fill: Fill): Promise<string> {
  const archive = join(archives, `${content}.tar`)
  const slow = { ...options, timeoutMs: 120_000 }
  const present = await inspect(tag, options)
  if (present?.content === content) return present.id
  if (existsSync(archive)) await docker(['load', '--quiet', '--input', archive], slow)
  else {
    await build(tag, content, options, fill)
    await mkdir(archives, { recursive: true })
    const unfinished = `${archive}.${process.pid}`
    await docker(['save', '--output', unfinished, tag], slow)
    await rename(unfinished, archive)
  }
  return (await inspect(tag, options))?.id ?? ''
}

async function build(tag: string, content: string, options: BuildOptions, fill: Fill): Promise<string> {
  const context = await mkdtemp(join(tmpdir(), 'switchyard-image-'))
  try {
    const dockerfile = await fill(context)
    await writeFile(join(context, 'Dockerfile'), `${dockerfile.join('\n')}\n`)
    const argv = ['build', '--quiet', '--label', `${contentLabel}=${content}`, '--tag', tag, context]
    return await docker(argv, { ...options, timeoutMs: 120_000 })
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

async function inspect(tag: string, options: BuildOptions): Promise<{ id: string; content: string } | undefined> {
  const format = `{{.Id}} {{index .Config.Labels "${contentLabel}"}}`
  const answer = await docker(['image', 'inspect', '--format', format, tag], options).catch(() => undefined)
  const [id, content] = answer?.split(' ') ?? []
  return id && content ? { id, content } : undefined
}

async function addApplets(root: string): Promise<void> {
  const applets = await command(['/bin/busybox', '--list'])
  for (const name of applets.split('\n')) {
    if (name !== 'busybox') await symlink('busybox', join(root, 'usr/bin', name))
  }
}

/** Debug symbols are a quarter of Node; without binutils they simply stay. */
async function strip(program: string): Promise<void> {
  await command(['strip', program]).catch(() => undefined)
}

function hash(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

async function hashFile(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

async function hashFolder(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const parts: string[] = []
  for (const name of names) {
    const path = join(folder, name)
    if ((await stat(path)).isFile()) parts.push(name, await hashFile(path))
  }
  return hash(parts)
}
