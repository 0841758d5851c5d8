import type { Host, Slot } from '#kernel'
import { unreachable } from './ask.ts'
import { findMasters } from './masters.ts'
import { readLanePlace } from './place-names.ts'
import { laneLink, nginxFolder } from './shape.ts'

/** One connection from a worker of nginx to an instance: one request or one socket, because none is kept for another. */
export interface Connection {
  readonly localPort: number
  readonly isSocket: boolean
}

/**
 * Where to look: users of nginx's workers, and addresses as the kernel's table writes them. The front's lane only: others get no
 * traffic.
 */
export interface Lookout {
  readonly users: string
  readonly remotes: string
  readonly endpoints: readonly string[]
}

export async function lookoutFor(host: Host, slot: Slot): Promise<Lookout> {
  const link = `${host.stateDir}/${nginxFolder}/${laneLink(slot, 0)}`
  const [masters, { stdout }] = await Promise.all([
    findMasters(host),
    host.look({ argv: ['readlink', link], okCodes: [0, 1], timeoutMs: 30_000 }),
  ])
  if (masters.length === 0) throw unreachable('does not run', 'Start it, and deploy again.')
  const endpoints = readLanePlace(stdout.trim())
  return {
    users: ` ${[...new Set(masters.flatMap(({ workers }) => workers))].join(' ')} `,
    remotes: ` ${endpoints.map(asKernelWrites).join(' ')} `,
    endpoints,
  }
}

/** As in /proc/net/tcp on x64 and arm64: the address with its bytes turned round. */
export function asKernelWrites(endpoint: string): string {
  const [address = '', port] = endpoint.split(':')
  const hex = (number: number, width: number) => number.toString(16).toUpperCase().padStart(width, '0')
  const bytes = address.split('.').map((byte) => hex(Number(byte), 2))
  return `${bytes.reverse().join('')}:${hex(Number(port), 4)}`
}

/**
 * Established or connecting, of these users, to these addresses. A timer of kind 2 is the keep-alive that only sockets have. Prints
 * `KIND PORT` for each, until there are none or hundredths of a second are over.
 */
const wait = `remotes=$1 users=$2 left=$3
uptime() {
  IFS='. ' read -r seconds hundredths rest < /proc/uptime
  now=$((seconds * 100 + 1$hundredths - 100))
}
uptime
end=$((now + left))
while :; do
  found=$(awk -v remotes="$remotes" -v users="$users" '
    ($4 == "01" || $4 == "02") && index(remotes, " " $3 " ") && index(users, " " $8 " ") {
      split($2, local, ":")
      print ($6 ~ /^02:/ ? "socket" : "request"), local[2]
    }' /proc/net/tcp)
  uptime
  if [ -z "$found" ] || [ "$now" -ge "$end" ]; then break; fi
  sleep 0.05
done
printf '%s\\n' "$found"
`

/** Waits until there are no connections, at most `deadlineMs`, and gives those that are left. */
export async function waitForNone(
  host: Host,
  { remotes, users }: Lookout,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<readonly Connection[]> {
  const hundredths = String(Math.max(0, Math.ceil(deadlineMs / 10)))
  const argv = ['sh', '-c', wait, 'sh', remotes, users, hundredths] as const
  const { stdout } = await host.look({ argv: [...argv], timeoutMs: deadlineMs + 60_000 }, signal)
  return [...stdout.matchAll(/^(socket|request) ([0-9A-F]{4})$/gm)].map(([, kind, port]) => ({
    localPort: Number.parseInt(port ?? '', 16),
    isSocket: kind === 'socket',
  }))
}
