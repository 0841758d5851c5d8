import type { RouterTotals, Slot } from '#kernel'
import { Latencies } from '../embedded/latencies.ts'
import { countsOf, readRows } from './answers.ts'
import { answerOf, statCommand } from './drain.ts'
import type { Engine } from './engine.ts'

interface Line {
  readonly text: string
  readonly slot: Slot
  readonly tookMs: number
}

/**
 * Counts are the router's own since it started. Latencies are gathered here, from the router's ring of its last requests (256 KiB,
 * some thousand lines): from the first reading on, as long as it is read again before the ring has gone round. WebSockets count
 * as requests and have no latency.
 */
export class Totals {
  #latencies: Readonly<Record<Slot, Latencies>> = fresh()
  #requests: Record<Slot, number> = { blue: 0, green: 0 }
  #last: string | null = null

  async read(engine: Engine, container: string, slot: Slot): Promise<RouterTotals> {
    const answer = await answerOf(engine, container, [statCommand, 'show events requests'])
    const counts = countsOf(readRows(answer), slot)
    if (counts.requests < this.#requests[slot]) this.#restarted()
    this.#requests[slot] = counts.requests
    this.#gather(answer)
    const latencies = this.#latencies[slot].cumulative().map(([bound, count]) => [bound ?? Infinity, count] as const)
    return { ...counts, latencies }
  }

  /** The router began anew, and so do we. */
  #restarted(): void {
    this.#latencies = fresh()
    this.#requests = { blue: 0, green: 0 }
    this.#last = null
  }

  /** Lines after the last one that was seen; each line begins with the number of its request, so no two are the same. */
  #gather(answer: string): void {
    const lines = readLines(answer)
    const seen = lines.findLastIndex(({ text }) => text === this.#last)
    for (const { slot, tookMs } of lines.slice(seen + 1)) this.#latencies[slot].add(tookMs)
    this.#last = lines.at(-1)?.text ?? this.#last
  }
}

function fresh(): Readonly<Record<Slot, Latencies>> {
  return { blue: new Latencies(), green: new Latencies() }
}

function readLines(answer: string): Line[] {
  return [...answer.matchAll(/^[0-9]+ (blue|green)-[0-9]+ -?[0-9]+ \+?([0-9]+)$/gm)].map(([text, slot, took]) => ({
    text,
    slot: slot as Slot,
    tookMs: Number(took),
  }))
}
