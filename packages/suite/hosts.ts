import { Failure, asFailure } from '#kernel'
import type { Probe, Shell } from '#kernel'
import { stateRoot } from '#hosts'
import type { TlsReach } from '#routers'
import { localShell, sshShell } from '#runner'
import type { SshShell } from '#runner'

/** Which machine, and how to get there. */
export interface MachineInputs {
  readonly hosts: readonly string[]
  readonly 'ssh-key'?: string
  readonly 'known-hosts'?: string
  readonly 'state-dir': string
}

/** The machine that an environment lives on. */
export interface Machine {
  readonly name: string
  readonly shell: Shell
  /** Folder of the state on it. */
  readonly root: string
  readonly isRemote: boolean
  /** How a TCP address of it is reached from here. */
  readonly reach: TlsReach
  /** The probe, looking from there. */
  readonly lookFrom: (probe: Probe) => Probe
  close(): Promise<void>
}

/**
 * The host at this address, over SSH; without an address, this machine.
 * @throws Failure what sshShell and stateRoot throw
 */
export async function openMachine(address: string | undefined, inputs: MachineInputs): Promise<Machine> {
  return address === undefined ? thisMachine(inputs) : remoteMachine(address, inputs)
}

async function thisMachine(inputs: MachineInputs): Promise<Machine> {
  const shell = localShell()
  return {
    name: 'this machine',
    shell,
    root: inputs['state-dir'] === '' ? await stateRoot(shell) : inputs['state-dir'],
    isRemote: false,
    reach: (host, port) => Promise.resolve({ host, port }),
    lookFrom: (probe) => probe,
    close: () => Promise.resolve(),
  }
}

async function remoteMachine(address: string, inputs: MachineInputs): Promise<Machine> {
  const shell = await sshShell({ address, knownHosts: inputs['known-hosts'] ?? '', key: inputs['ssh-key'] ?? '' })
  try {
    return {
      name: shell.name,
      shell,
      root: inputs['state-dir'] === '' ? await stateRoot(shell) : inputs['state-dir'],
      isRemote: true,
      reach: async (address, port) => ({ path: await shell.forward(address, port) }),
      lookFrom: (probe) => probeFrom(shell, probe),
      close: shell.close,
    }
  } catch (thrown) {
    await shell.close()
    throw thrown
  }
}

/** Looks at addresses as the host reaches them. A host that cannot be reached is a bad look, as it would be from anywhere. */
function probeFrom(shell: SshShell, probe: Probe): Probe {
  return {
    ...(probe.warm === undefined ? {} : { warm: probe.warm }),
    async once(request, signal) {
      const began = performance.now()
      try {
        const socketPath = await soon(way(shell, request.url), request.timeoutMs, signal)
        const left = Math.max(1, request.timeoutMs - (performance.now() - began))
        const look = await probe.once({ ...request, socketPath, timeoutMs: left }, signal)
        if (look.status === undefined && shell.isForwardingForbidden()) throw forbidden(shell.name)
        return look
      } catch (thrown) {
        signal?.throwIfAborted()
        const failure = asFailure(thrown)
        if (failure.kind === 'ours' || failure.code === 'HOST_NOT_READY') throw failure
        return { ok: false, latencyMs: performance.now() - began, why: failure.message }
      }
    },
  }
}

function forbidden(name: string): Failure {
  return new Failure(
    'HOST_NOT_READY',
    `${name}: its SSH server forbids forwarding, so nothing on it can be looked at`,
    {
      field: 'hosts',
      hint: 'Set AllowTcpForwarding to yes or local in its sshd_config; for this user alone is enough (Match User).',
    },
  )
}

function way(shell: SshShell, url: string): Promise<string> {
  const { hostname, port, protocol } = new URL(url)
  return shell.forward(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port || (protocol === 'https:' ? 443 : 80)))
}

/** What comes later than that is not waited for, though it may still come. */
function soon<T>(promise: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Failure('HOST_UNREACHABLE', 'no way to the host within the time limit'))
    const cancel = () => reject(asFailure(signal?.reason))
    const timer = setTimeout(late, ms)
    signal?.addEventListener('abort', cancel, { once: true })
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    })
  })
}
