import type { Host, Shell } from '#kernel'

/** Where a program of a machine listens on TCP: the address as the kernel writes it, and the port. */
interface Listener {
  readonly hexAddress: string
  readonly port: number
}

const listening = '0A'

/** Who listens on the machine that `run` looks at, over IPv4 and IPv6. A look. */
async function listenersOf(run: Shell['run']): Promise<readonly Listener[]> {
  // Without IPv6 there is no second file.
  const { stdout } = await run({
    argv: ['cat', '/proc/net/tcp', '/proc/net/tcp6'],
    okCodes: [0, 1],
    timeoutMs: 30_000,
  })
  return stdout.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    const [hexAddress = '', hexPort = ''] = local.split(':')
    return state === listening ? [{ hexAddress, port: Number.parseInt(hexPort, 16) }] : []
  })
}

/** Ports that some program of the machine listens on, at whatever address. */
export async function portsListenedTo(run: Shell['run']): Promise<Set<number>> {
  return new Set((await listenersOf(run)).map(({ port }) => port))
}

/** Does a program of the host listen on this port, at this address or at all of them? `address` empty: at any. */
export async function isListenedTo(host: Host, address: string, wanted: number): Promise<boolean> {
  const ends = (await listenersOf((command) => host.look(command))).filter(({ port }) => port === wanted)
  const hex = hexOf(address)
  return ends.some(({ hexAddress }) => hex === null || hexAddress === hex || /^0+$/.test(hexAddress))
}

/** As the kernel writes an IPv4 address: its bytes from the last to the first. Null for what means any. */
function hexOf(address: string): string | null {
  if (!/^[0-9]+(?:\.[0-9]+){3}$/.test(address) || address === '0.0.0.0') return null
  return address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('')
}
