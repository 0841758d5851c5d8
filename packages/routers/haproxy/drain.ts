import { setTimeout as sleep } from 'node:timers/promises'
import type { Leftovers, Slot } from '#kernel'
import { countsOf, readRows, sessionsOf } from './answers.ts'
import type { Engine } from './engine.ts'
import { ask, tell, unreachable } from './runtime.ts'

/** Backends only: a row for each of them, none for their servers. */
export const statCommand = 'show stat -1 2 -1'

const betweenLooksMs = 50
/** Leftovers are closed in so many portions, `portionMs` apart give or take half of it: clients are not to come back all at once. */
const portions = 10
const portionMs = 200
const rounds = 3

/** @throws the signal's reason when it aborts; Failure ROUTER_UNREACHABLE */
export async function drainSlot(
  engine: Engine,
  container: string,
  slot: Slot,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Leftovers> {
  const until = performance.now() + deadlineMs
  for (;;) {
    signal.throwIfAborted()
    const { inFlight, sockets } = countsOf(readRows(await answerOf(engine, container, [statCommand], signal)), slot)
    if (inFlight + sockets === 0) return { requests: 0, sockets: 0, closed: 0 }
    const leftMs = until - performance.now()
    if (leftMs <= 0) return { requests: inFlight, sockets, closed: await close(engine, container, slot, signal) }
    await sleep(Math.min(betweenLooksMs, leftMs), undefined, { signal })
  }
}

async function close(engine: Engine, container: string, slot: Slot, signal: AbortSignal): Promise<number> {
  let closed = 0
  for (let round = 0; round < rounds; round += 1) {
    const sessions = sessionsOf(await answerOf(engine, container, ['show sess'], signal), slot)
    if (sessions.length === 0) return closed
    const size = Math.ceil(sessions.length / portions)
    for (let at = 0; at < sessions.length; at += size) {
      if (at > 0) await sleep(portionMs * (0.5 + Math.random()), undefined, { signal })
      const portion = sessions.slice(at, at + size)
      const said = await tell(
        engine,
        container,
        portion.map((id) => `shutdown session ${id}`),
      )
      closed += portion.length - (said.match(/No such session/g)?.length ?? 0)
    }
  }
  return closed
}

export async function answerOf(
  engine: Engine,
  container: string,
  commands: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const answer = await ask(engine, container, commands, signal === undefined ? {} : { signal })
  if (answer === null) throw unreachable('it does not run')
  return answer
}
