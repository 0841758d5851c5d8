import { Failure, noTraffic, share } from '#kernel'
import type { Slot, Weights } from '#kernel'

/** Rows of `show stat`, by the names in its first line: newer versions have more columns. */
export function readRows(text: string): Record<string, string>[] {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => line.startsWith('# pxname,'))
  if (first === -1) throw unreadable(text)
  const names = (lines[first] ?? '').slice(2).split(',')
  const rows = lines.slice(first + 1)
  const end = rows.indexOf('')
  return rows.slice(0, end === -1 ? rows.length : end).map((row) => {
    const fields = row.split(',')
    return Object.fromEntries(names.map((name, at) => [name, fields[at] ?? '']))
  })
}

/** The weights that `show map` of the weight's file shows. @throws Failure OUTPUT_UNREADABLE */
export function readWeights(text: string): Weights {
  const found = [...text.matchAll(/^0x[0-9a-f]+ weight (-?[0-9]+)$/gm)].map((match) => Number(match[1]))
  const [weight] = found
  if (weight === undefined || found.length !== 1 || weight < -1 || weight > 100) throw unreadable(text)
  return weight === -1 ? noTraffic : share('green', weight)
}

/** The weights of the file that the router reads when it starts. @throws Failure OUTPUT_UNREADABLE */
export function readWeightFile(text: string): Weights {
  return readWeights(`0x0 ${text}`)
}

export interface SlotCounts {
  readonly requests: number
  readonly errors: number
  readonly inFlight: number
  readonly sockets: number
}

/**
 * A slot's counts over its lanes, from the rows of backends. Sockets are those of the backends for WebSockets. `hrsp_5xx` counts the
 * app's own and those the router had to answer itself.
 */
export function countsOf(rows: readonly Record<string, string>[], slot: Slot): SlotCounts {
  const own = rows.filter((row) => row['svname'] === 'BACKEND')
  const sum = (pattern: RegExp, column: string) =>
    own.filter((row) => pattern.test(row['pxname'] ?? '')).reduce((total, row) => total + Number(row[column] ?? 0), 0)
  const plain = new RegExp(`^${slot}-[0-9]+$`)
  const socket = new RegExp(`^${slot}-[0-9]+-socket$`)
  const both = new RegExp(`^${slot}-[0-9]+(?:-socket)?$`)
  return {
    requests: sum(both, 'stot'),
    errors: sum(both, 'hrsp_5xx'),
    inFlight: sum(plain, 'scur'),
    sockets: sum(socket, 'scur'),
  }
}

/** Ids of sessions that a slot answers, from `show sess`. */
export function sessionsOf(text: string, slot: Slot): string[] {
  const pattern = new RegExp(`^(0x[0-9a-f]+): .* be=${slot}-[0-9]+(?:-socket)? `)
  return text.split('\n').flatMap((line) => pattern.exec(line)?.[1] ?? [])
}

export interface ServerState {
  readonly backend: string
  readonly server: string
  readonly endpoint: string
  readonly isForcedOff: boolean
}

/** Servers from `show servers state`, by the names in its second line. */
export function readServers(text: string): ServerState[] {
  const lines = text.split('\n')
  const names = lines
    .find((line) => line.startsWith('# be_id '))
    ?.slice(2)
    .split(' ')
  if (names === undefined) throw unreadable(text)
  return lines
    .filter((line) => /^[0-9]+ \S+ [0-9]+ [sh][0-9]+ /.test(line))
    .map((line) => {
      const fields = line.split(' ')
      const field = (name: string) => fields[names.indexOf(name)] ?? ''
      const isForcedOff = (Number(field('srv_admin_state')) & 1) !== 0
      return {
        backend: field('be_name'),
        server: field('srv_name'),
        endpoint: `${field('srv_addr')}:${field('srv_port')}`,
        isForcedOff,
      }
    })
}

function unreadable(text: string): Failure {
  return new Failure('OUTPUT_UNREADABLE', `the answer of HAProxy cannot be understood: ${text.slice(0, 200)}`)
}
