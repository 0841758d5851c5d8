import { setTimeout as sleep } from 'node:timers/promises'
import { Latencies } from './latencies.ts'

/** One request or socket that is under way. */
export interface Exchange {
  readonly startedAt: number
  readonly kind: 'request' | 'socket'
  /** Ends it from our side. */
  close(): void
}

/** At most this many portions; one is closed every `portionMs`, give or take half of it, so that clients do not all come back at once. */
const portions = 10
const portionMs = 200

/** What one slot has under way through the front, and what it has done since the router started. */
export class Traffic {
  #requests = 0
  #errors = 0
  readonly #latencies = new Latencies()
  readonly #underWay = new Set<Exchange>()
  readonly #idleWaiters = new Set<() => void>()

  begin(exchange: Exchange): void {
    this.#underWay.add(exchange)
  }

  /** The request was answered, or could not be. Called once for each; a socket's upgrade counts as its request. */
  answered(startedAt: number, failed: boolean): void {
    this.#requests += 1
    if (failed) this.#errors += 1
    this.#latencies.add(performance.now() - startedAt)
  }

  end(exchange: Exchange): void {
    if (!this.#underWay.delete(exchange) || this.#underWay.size > 0) return
    for (const wake of this.#idleWaiters) wake()
  }

  counts(): { requests: number; sockets: number } {
    const sockets = [...this.#underWay].filter(({ kind }) => kind === 'socket').length
    return { requests: this.#underWay.size - sockets, sockets }
  }

  totals() {
    const { requests: inFlight, sockets } = this.counts()
    return {
      requests: this.#requests,
      errors: this.#errors,
      inFlight,
      sockets,
      latencies: this.#latencies.cumulative(),
    }
  }

  /** Resolves when nothing is under way, or after `deadlineMs`. */
  idle(deadlineMs: number): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#idleWaiters.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, deadlineMs)
      this.#idleWaiters.add(wake)
    })
  }

  /** Closes everything under way now, oldest first, in paced portions. Gives how many were closed by us. */
  async closePaced(): Promise<number> {
    const left = [...this.#underWay].sort((a, b) => a.startedAt - b.startedAt)
    const size = Math.max(1, Math.ceil(left.length / portions))
    let closed = 0
    for (let at = 0; at < left.length; at += size) {
      if (at > 0) await sleep(portionMs * (0.5 + Math.random()))
      for (const exchange of left.slice(at, at + size)) {
        if (!this.#underWay.has(exchange)) continue
        exchange.close()
        closed += 1
      }
    }
    await this.idle(portionMs)
    return closed
  }
}
