import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { docker } from '../../components/docker.ts'
import { buildBase, imageNames } from '../../components/images.ts'
import type { Site } from './peer.ts'

/** A peer's program that the bench uses when it is there, and never fetches itself. */
export interface Program {
  /** The environment variable that holds its path. */
  readonly variable: string
  /** How one gets it. */
  readonly source: string
}

/** The program's path. @throws Error when the variable is not set */
export function pathOf({ variable }: Program): string {
  const path = process.env[variable]
  if (!path) throw new Error(`${variable} is not set`)
  return path
}

/** What is missing, and the command that gets it; undefined when the program is there. */
export function lacking({ variable, source }: Program): string | undefined {
  const path = process.env[variable]
  if (path && existsSync(path)) return undefined
  const found = path ? `${variable}=${path} does not exist` : `${variable} is not set`
  return `${found}; to get it: ${source}`
}

/** Builds an image that holds one program, which must need no libraries. @returns its name */
export async function imageWith(program: Program, name: string, { host, folder }: Site): Promise<string> {
  await buildBase({ host })
  const context = await mkdtemp(join(folder, `${name}-`))
  try {
    await copyFile(pathOf(program), join(context, name))
    await chmod(join(context, name), 0o755)
    const lines = [`FROM ${imageNames.base}`, `COPY ${name} /usr/local/bin/${name}`, `CMD ["${name}"]`]
    await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`)
    const tag = `switchyard-bench/${name}:1`
    await docker(['build', '--quiet', '--tag', tag, context], { host, timeoutMs: 120_000 })
    return tag
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}
