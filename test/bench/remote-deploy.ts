import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RemoteHost } from '../components/remote-host.ts'
import { imageNames } from '../components/images.ts'
import type { CliEnd, Ground } from '../e2e/hosts-ground.ts'

export const frontPort = 8080

/** A line that the command line said, and when after its start. */
export interface Said {
  readonly atMs: number
  readonly line: string
  /** Commands that the first host's SSH server had begun for us by then, since the run began. */
  readonly commands: number
}

export interface Run {
  readonly ms: number
  readonly said: readonly Said[]
  readonly end: CliEnd
}

export interface RemoteRun {
  readonly words: readonly string[]
  readonly hosts?: readonly RemoteHost[]
  readonly inputs?: Readonly<Record<string, string>>
}

/** Has the SSH server of a host tell of every command it begins. */
export async function countCommands({ folder, sshd }: RemoteHost): Promise<void> {
  const file = join(folder, 'sshd_config')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^LogLevel .*$/m, 'LogLevel VERBOSE'))
  const before = sshd.log().length
  process.kill(sshd.pid, 'SIGHUP')
  for (let look = 0; look < 100 && !sshd.log().slice(before).includes('Server listening'); look += 1) await sleep(50)
}

/** What was said when, and how many commands it took since the line before. */
export function traceOf(said: readonly Said[]): string {
  return said
    .map(({ atMs, line, commands }, at) => {
      const since = commands - (said[at - 1]?.commands ?? 0)
      return `  ${atMs.toFixed(0).padStart(6)} ms ${`+${since}`.padStart(4)}  ${line}`
    })
    .join('\n')
}

/** Runs the command line and times what it says. @throws Error when it does not end well */
export async function timedRun(ground: Ground, { words, hosts, inputs = {} }: RemoteRun): Promise<Run> {
  const given = { app: 'shop', environment: 'bench', target: 'docker', 'router-image': imageNames.haproxy }
  const said: Said[] = []
  const log = () => ground.hosts[0]?.sshd.log().match(/Starting session: command/g)?.length ?? 0
  const before = log()
  const began = performance.now()
  const end = await ground.cli([...words, '--json'], {
    ...(hosts === undefined ? {} : { hosts }),
    inputs: { ...given, listen: `0.0.0.0:${frontPort}`, ...inputs },
    killAt: (line) => void said.push({ atMs: performance.now() - began, line, commands: log() - before }),
  })
  const ms = performance.now() - began
  if (end.code !== 0) throw new Error(`${words.join(' ')} ended with ${end.code}:\n${end.lines.slice(-20).join('\n')}`)
  return { ms, said, end }
}

/** The inputs of a deploy of the shop that listens `startDelayMs` after its start; nothing is watched afterwards. */
export function deployInputs(ground: Ground, version: string, startDelayMs: number): Readonly<Record<string, string>> {
  return {
    ...{ release: ground.release(version), bake: '0', drain: '1s', deadline: '60s', 'version-path': '-' },
    env: `VERSION=${version}\nFAULT=${JSON.stringify({ 'start-delay': startDelayMs })}`,
  }
}
