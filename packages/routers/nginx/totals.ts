import { Failure, slots } from '#kernel'
import type { Host, RouterTotals, Slot } from '#kernel'
import { Latencies } from '../embedded/latencies.ts'
import { lookoutFor, waitForNone } from './connections.ts'

type Counts = Record<Slot, { readonly requests: number; readonly errors: number }>

/** The most that one reading takes in, in bytes: some hundred thousand requests. The rest is for the next one. */
const readingBytes = 8 * 1024 * 1024

/**
 * LOG INODE OFFSET LIMIT. Prints which file was read and up to where, then a line for each slot, status class and time: `SLOT CLASS MS
 * COUNT`. The first reading only says where the log ends. A log that was rotated is begun from its start.
 */
const gather = `log=$1 inode=$2 offset=$3 limit=$4
set -- $(stat -L -c '%i %s' "$log") || exit 1
if [ "$inode" = 0 ]; then offset=$2
elif [ "$inode" != "$1" ] || [ "$2" -lt "$offset" ]; then offset=0
fi
left=$(($2 - offset))
if [ "$left" -gt "$limit" ]; then left=$limit; fi
tail -c +$((offset + 1)) "$log" | head -c "$left" | LC_ALL=C awk -v inode="$1" -v offset="$offset" '
  { offset += length($0) + 1 }
  /^slot=(blue|green) [0-9][0-9][0-9] [0-9.]+$/ {
    count[substr($1, 6) " " ($2 == "101" ? "socket" : ($2 >= 500 ? "error" : "fine")) " " sprintf("%.0f", $3 * 1000)] += 1
  }
  END {
    print "read", inode, sprintf("%.0f", offset)
    for (key in count) print key, count[key]
  }'
`

/**
 * Counts from nginx's log, from the first reading on: a window is the difference of two. Requests of the front that the generated
 * server answers; a team's own server counts where it writes the same log. WebSockets count when they end, and have no latency.
 */
export class Totals {
  #inode = '0'
  #offset = '0'
  #underWay: Promise<void> | null = null
  readonly #counts: Counts = { blue: { requests: 0, errors: 0 }, green: { requests: 0, errors: 0 } }
  readonly #latencies: Readonly<Record<Slot, Latencies>> = { blue: new Latencies(), green: new Latencies() }

  /** @throws Failure OUTPUT_UNREADABLE */
  async read(host: Host, log: string, slot: Slot): Promise<RouterTotals> {
    const [connections] = await Promise.all([
      lookoutFor(host, slot).then((lookout) => (lookout.endpoints.length === 0 ? [] : waitForNone(host, lookout, 0))),
      log === '' ? undefined : this.#gathered(host, log),
    ])
    const sockets = connections.filter(({ isSocket }) => isSocket).length
    const latencies = this.#latencies[slot].cumulative().map(([bound, count]) => [bound ?? Infinity, count] as const)
    return { ...this.#counts[slot], inFlight: connections.length - sockets, sockets, latencies }
  }

  /** Who asks while a reading is under way gets that one: nothing is counted twice. */
  #gathered(host: Host, log: string): Promise<void> {
    return (this.#underWay ??= this.#gather(host, log).finally(() => (this.#underWay = null)))
  }

  async #gather(host: Host, log: string): Promise<void> {
    const words = [log, this.#inode, this.#offset, String(readingBytes)]
    const { stdout } = await host.look({ argv: ['sh', '-c', gather, 'sh', ...words], timeoutMs: 60_000 })
    const [, inode, offset] = /^read ([0-9]+) ([0-9]+)$/m.exec(stdout) ?? []
    if (inode === undefined || offset === undefined) {
      throw new Failure('OUTPUT_UNREADABLE', `requests cannot be counted from ${log}`)
    }
    this.#inode = inode
    this.#offset = offset
    for (const [, slot, kind, ms, count] of stdout.matchAll(/^(blue|green) (fine|error|socket) ([0-9]+) ([0-9]+)$/gm)) {
      this.#add(slots.find((each) => each === slot) ?? 'blue', kind ?? '', Number(ms), Number(count))
    }
  }

  #add(slot: Slot, kind: string, ms: number, count: number): void {
    this.#counts[slot] = {
      requests: this.#counts[slot].requests + count,
      errors: this.#counts[slot].errors + (kind === 'error' ? count : 0),
    }
    if (kind === 'socket') return
    for (let turn = 0; turn < count; turn += 1) this.#latencies[slot].add(ms)
  }
}
