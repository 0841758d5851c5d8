import { expect, test } from '@jest/globals'
import type { Command, Host } from '#kernel'
import { engineOf } from '../../packages/targets/docker/engine.ts'
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// What Docker Engine 26 said of containers that were just ending.
const endings = {
  runc: 'runc did not terminate successfully: exit status 1: container not running\n: unknown',
  containerd: 'cannot update a stopped container: unknown',
} as const

/** A docker that fails an update so often, as it does where a container is just ending, and notes what it was asked. */
async function dockerThatFails(times: number, ending: string) {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-act-'))
  const asked = join(folder, 'asked')
  const script = `#!/bin/sh
echo "$1" >> ${asked}
[ "$1" = update ] && [ "$(grep -c update ${asked})" -le ${times} ] && { echo blue; echo 'Error response from daemon: Cannot update container 270f752f9067: ${ending}'; exit 1; }
echo "$1 is done"`
  await writeFile(join(folder, 'docker'), script)
  await chmod(join(folder, 'docker'), 0o755)
  const act = ({ argv: [program = '', ...words], env = {} }: Command) => {
    const environment = { ...env, PATH: `${folder}:${process.env['PATH'] ?? ''}` }
    const { status, stdout, stderr } = spawnSync(program, words, { env: environment, encoding: 'utf8' })
    return Promise.resolve({ exitCode: status ?? 1, stdout, stderr })
  }
  return {
    engine: engineOf({ act } as unknown as Host),
    asked: async () => (await readFile(asked, 'utf8')).trim().split('\n'),
    close: () => rm(folder, { recursive: true }),
  }
}

const phases = [[['pull'], ['network']], [['update', 'blue']], [['stop', 'blue']]]

test.each([
  ['once, in the words of runc, is done again from there, and goes on', 1, 'runc', 'stop'],
  ['once, in the words of containerd, is done again from there, and goes on', 1, 'containerd', 'stop'],
  ['again and again fails the effect', 9, 'runc', 'update'],
] as const)('an update that meets a container as it ends, %s', async (_, times, by, last) => {
  const { engine, asked, close } = await dockerThatFails(times, endings[by])
  try {
    const said = await engine.act(phases)
    const [pull, network, ...rest] = await asked()
    expect([pull, network].sort()).toEqual(['network', 'pull'])
    expect(rest.slice(0, 2)).toEqual(['update', 'update'])
    expect(rest.at(-1)).toBe(last)
    expect(said.slice(0, 2).map(({ text }) => text.trim())).toEqual(['pull is done', 'network is done'])
    expect(said.slice(2).map(({ code }) => code)).toEqual(times === 1 ? [0, 0] : [1])
  } finally {
    await close()
  }
})
