import { chmod, copyFile, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { command } from './docker.ts'

/** Makes the empty tree of a Debian with a merged /usr in `root`. */
export async function makeTree(root: string): Promise<void> {
  const folders = ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc', 'tmp', 'var/lib', 'run', 'root']
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name))
  await chmod(join(root, 'tmp'), 0o1777)
}

/** Puts programs of this machine into `root` at `/usr/bin` or the given path, with every library that `ldd` names. */
export async function addPrograms(root: string, programs: ReadonlyMap<string, string>): Promise<void> {
  const libraries = new Set<string>()
  for (const [source, target] of programs) {
    await place(root, source, target)
    for (const library of await librariesOf(source)) libraries.add(library)
  }
  for (const library of libraries) await addLibrary(root, library)
}

/** Puts one library into `root` under the name the loader asks for. */
export async function addLibrary(root: string, library: string): Promise<void> {
  const merged = library.startsWith('/usr/') ? library : `/usr${library}`
  await place(root, library, merged)
}

/** The name services that getaddrinfo loads at run time, which `ldd` cannot see. */
export async function addNameServices(root: string): Promise<void> {
  const libraryFolder = dirname((await librariesOf('/bin/bash')).find((name) => basename(name) === 'libc.so.6') ?? '')
  for (const name of ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2']) {
    await addLibrary(root, join(libraryFolder, name))
  }
  await writeFile(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n')
}

/** Writes /etc/passwd and /etc/group with root and the given users, each with a group of its own. */
export async function addUsers(root: string, users: Readonly<Record<string, number>>): Promise<void> {
  const all = Object.entries({ root: 0, ...users })
  const passwd = all.map(([name, id]) => `${name}:x:${id}:${id}::/${name === 'root' ? 'root' : 'tmp'}:/bin/sh\n`)
  await writeFile(join(root, 'etc/passwd'), passwd.join(''))
  await writeFile(join(root, 'etc/group'), all.map(([name, id]) => `${name}:x:${id}:\n`).join(''))
}

async function librariesOf(program: string): Promise<string[]> {
  const answer = await command(['ldd', program]).catch(() => '')
  return [...answer.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].flatMap((match) => match[1] ?? [])
}

async function place(root: string, source: string, target: string): Promise<void> {
  const path = join(root, target)
  await mkdir(dirname(path), { recursive: true })
  await copyFile(await realpath(source), path)
}
