import { Failure, asFailure } from '#kernel'

/** One host's part in what several hosts do together. Everything here rejects once another host has failed. */
export interface Member {
  /** Hosts take their leases in one order, so that two runs never wait for each other in a ring. */
  myTurnToAcquire(): Promise<void>
  acquired(): void
  /** Gives what every host has put in, this one included, in the order of the hosts. */
  share<Value>(value: Value): Promise<readonly Value[]>
  /** Done by the first host that comes, for all of them. */
  once<Value>(what: string, work: () => Promise<Value>): Promise<Value>
  /** Waits until every host has come as far; levels rise. */
  reach(level: number): Promise<void>
  /** So many hosts at a time as the batch says; the function given back ends the turn. */
  turn(): Promise<() => void>
  /** This host failed: the others end as well, and take back what they did. */
  failed(failure: Failure): void
  /** This host is through. */
  left(): void
}

export interface Convoy {
  readonly members: readonly Member[]
  /** Aborts when one host has failed, with that as its reason. */
  readonly signal: AbortSignal
}

/**
 * Hosts that go through one operation together, each with its own look, plan, lease and ledger: nobody shifts before all are
 * proven, and nobody is done before all are. `batch`: how many hosts shift at the same time.
 */
export function convoyOf(names: readonly string[], batch: number): Convoy {
  const size = names.length
  const abort = new AbortController()
  const stopped = new Promise<never>((_, reject) =>
    abort.signal.addEventListener('abort', () => reject(asFailure(abort.signal.reason)), { once: true }),
  )
  stopped.catch(() => undefined)
  const orStopped = <Value>(wait: Promise<Value>): Promise<Value> => Promise.race([wait, stopped])

  const lead = Array.from({ length: size + 1 }, () => Promise.withResolvers<void>())
  lead[0]?.resolve()
  const levels = Array.from({ length: size }, () => -Infinity)
  const waiting = new Set<{ readonly level: number; readonly go: () => void }>()
  const shared = new Map<number, { readonly values: unknown[]; readonly all: PromiseWithResolvers<void> }>()
  const done = new Map<string, Promise<unknown>>()
  let turns = 0
  const queue: (() => void)[] = []

  const advance = (at: number, level: number) => {
    levels[at] = level
    const slowest = Math.min(...levels)
    for (const one of waiting) {
      if (one.level > slowest) continue
      waiting.delete(one)
      one.go()
    }
  }
  const endTurn = () => {
    const next = queue.shift()
    if (next === undefined) turns -= 1
    else next()
  }

  const member = (at: number): Member => {
    let rounds = 0
    return {
      myTurnToAcquire: () => orStopped(lead[at]?.promise ?? Promise.resolve()),
      acquired: () => lead[at + 1]?.resolve(),
      async share(value) {
        const round = shared.get(rounds) ?? { values: [], all: Promise.withResolvers<void>() }
        shared.set(rounds, round)
        rounds += 1
        round.values[at] = value
        if (Object.keys(round.values).length === size) round.all.resolve()
        await orStopped(round.all.promise)
        return round.values as (typeof value)[]
      },
      once(what, work) {
        const first = done.get(what) ?? work()
        done.set(what, first)
        return orStopped(first) as ReturnType<typeof work>
      },
      reach(level) {
        const wait = Promise.withResolvers<void>()
        waiting.add({ level, go: wait.resolve })
        advance(at, level)
        return orStopped(wait.promise)
      },
      async turn() {
        abort.signal.throwIfAborted()
        if (turns < batch) turns += 1
        else await orStopped(new Promise<void>((resolve) => queue.push(resolve)))
        let isOver = false
        return () => {
          if (!isOver) endTurn()
          isOver = true
        }
      },
      failed(failure) {
        // Where evidence is missing nothing is undone, on no host.
        const code = failure.code === 'VERDICT_INCONCLUSIVE' ? failure.code : 'HOST_FAILED'
        const [name = '', what] = [names[at], failure.message]
        abort.abort(new Failure(code, what.startsWith(name) ? what : `${name}: ${what}`, { cause: failure }))
      },
      left() {
        lead[at + 1]?.resolve()
        advance(at, Infinity)
      },
    }
  }

  return {
    members: Array.from({ length: size }, (_, at) => member(at)),
    signal: abort.signal,
  }
}
