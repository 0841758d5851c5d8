import type { Host } from '#kernel'

const listening = '0A'

/** Does a program of the host listen on this port, at this address or at all of them? `address` empty: at any. */
export async function isListenedTo(host: Host, address: string, port: number): Promise<boolean> {
  const argv = ['cat', '/proc/net/tcp', '/proc/net/tcp6'] as const
  const { stdout } = await host.look({ argv, okCodes: [0, 1], timeoutMs: 10_000 })
  const ends = stdout.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    const [hexAddress = '', hexPort = ''] = local.split(':')
    return state === listening && Number.parseInt(hexPort, 16) === port ? [hexAddress] : []
  })
  const wanted = hexOf(address)
  return ends.some((end) => wanted === null || end === wanted || /^0+$/.test(end))
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
