import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../components/docker.ts'
import type { DockerPlace } from './docker-world.ts'

/** A processor that the engine does not run. */
export async function otherProcessor({ docker }: DockerPlace): Promise<string> {
  return (await docker('version', '--format={{.Server.Arch}}')).trim() === 'amd64' ? 'arm64' : 'amd64'
}

/** An image of nothing, for another processor. */
export async function loadForeignImage({ folder, docker }: DockerPlace, architecture: string): Promise<string> {
  const image = join(folder, 'image')
  await mkdir(image)
  // An empty archive: two blocks of zeros.
  const layer = '\0'.repeat(1024)
  const diff = `sha256:${createHash('sha256').update(layer).digest('hex')}`
  const config = JSON.stringify({ architecture, os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diff] } })
  const files = {
    'layer.tar': layer,
    'config.json': config,
    'manifest.json': JSON.stringify([{ Config: 'config.json', RepoTags: [], Layers: ['layer.tar'] }]),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(image, name), text)
  await command(['tar', '--create', `--file=${image}.tar`, `--directory=${image}`, ...Object.keys(files)])
  const loaded = /sha256:[0-9a-f]{64}/.exec(await docker('load', `--input=${image}.tar`))?.[0]
  return loaded ?? `sha256:${createHash('sha256').update(config).digest('hex')}`
}
