import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, test } from '@jest/globals'

/** Whether a real component can be used on this machine, and if not, why. */
export type Available = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/** A component that is not `docker` is a program looked for in PATH under its own name. */
export type Component = 'docker' | (string & {})

const found = new Map<Component, Available>([
  ['docker', await findDocker()],
  ['dockerd', findEngine()],
  ['sshd', findServer()],
  ['remote-host', findRemoteHost()],
  ['compose', findCompose()],
])

/**
 * A `describe` for suites that need a real component. Without it the suite is skipped and named at the end of the run;
 * with `SWITCHYARD_COMPONENTS=required`, as CI sets it, it fails instead.
 */
export function describeWith(component: Component, name: string, suite: () => void): void {
  const available = find(component)
  if (available.ok) {
    describe(name, suite)
    return
  }

  const title = `${name} [left out: ${component}: ${available.reason}]`
  if (process.env['SWITCHYARD_COMPONENTS'] !== 'required') {
    describe.skip(title, suite)
    return
  }
  describe(title, () => {
    test(`${component} is there`, () => {
      throw new Error(`SWITCHYARD_COMPONENTS=required, but ${component} cannot be used: ${available.reason}`)
    })
  })
}

/** Looks once for a component. */
export function find(component: Component): Available {
  const known = found.get(component) ?? findProgram(component)
  found.set(component, known)
  return known
}

async function findDocker(): Promise<Available> {
  const engine = join(import.meta.dirname, 'engine.ts')
  if (existsSync(engine)) {
    const { available } = (await import(engine)) as { available: () => Promise<Available> }
    return available()
  }
  const answer = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  if (answer.status === 0) return { ok: true }
  const reason = answer.error?.message ?? answer.stderr.trim().split('\n').at(-1) ?? ''
  return { ok: false, reason: reason || 'docker version failed' }
}

/** An engine of the tests' own needs more than its program: root, a client, a bridge, and what the images are made from. */
function findEngine(): Available {
  if (process.getuid?.() !== 0) return { ok: false, reason: 'only root can start an engine of its own' }
  const programs = ['dockerd', 'docker', 'ip', 'busybox', 'haproxy'].map(findProgram)
  return programs.find((program) => !program.ok) ?? { ok: true }
}

/** An SSH server of the tests' own has users of its own, in a mount namespace. */
function findServer(): Available {
  if (process.getuid?.() !== 0) return { ok: false, reason: 'only root can start an SSH server of its own' }
  const programs = ['sshd', 'ssh', 'ssh-agent', 'unshare'].map(findProgram)
  return programs.find((program) => !program.ok) ?? { ok: true }
}

/** A host in a network namespace, with an engine and an SSH server. */
function findRemoteHost(): Available {
  return [findEngine(), findServer(), findProgram('nsenter')].find((part) => !part.ok) ?? { ok: true }
}

/** Compose is a plugin of the docker command line, and needs an engine. */
function findCompose(): Available {
  const answer = spawnSync('docker', ['compose', 'version', '--short'], { encoding: 'utf8', timeout: 10_000 })
  const there: Available = answer.status === 0 ? { ok: true } : { ok: false, reason: 'docker has no compose' }
  return [findEngine(), there].find((part) => !part.ok) ?? { ok: true }
}

function findProgram(name: string): Available {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const there = folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  return there ? { ok: true } : { ok: false, reason: `no program "${name}" in PATH` }
}
