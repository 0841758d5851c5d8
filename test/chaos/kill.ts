import type { Job } from '../runner/job.ts'
import type { StepResult } from '../runner/step.ts'
import type { Dice } from './dice.ts'
import type { Order } from './order.ts'

/** When a run is killed: right after so many lines about its steps, or so long after it began. */
export type Moment = { readonly afterLines: number } | { readonly afterMs: number }

export interface Killed {
  readonly wasKilled: boolean
  /** The last line it printed before, and how long it had run. */
  readonly lastLine: string
  readonly afterMs: number
  readonly result: StepResult
}

const boundary = /^(▸|↩| {2}[✓✗])/

/** Learns how long runs of a kind are, so that the moments spread over all of them. */
export class Moments {
  readonly #dice: Dice
  readonly #lines = new Map<string, number>()
  readonly #ms = new Map<string, number>()
  readonly #next = new Map<string, number>()

  constructor(dice: Dice) {
    this.#dice = dice
  }

  /** Every other one a step's boundary, one after the other for each kind of run; the rest at any time. */
  of({ kind }: Order): Moment {
    const lines = this.#lines.get(kind) ?? 16
    if (this.#dice.next() < 0.5) return { afterMs: this.#dice.below(this.#ms.get(kind) ?? 3000) }
    // A stride that has no factor in common with small counts visits all of them, and not in their order.
    const at = this.#next.get(kind) ?? this.#dice.below(lines)
    this.#next.set(kind, at + 7)
    return { afterLines: 1 + (at % lines) }
  }

  /** A run that came to its end before it could be killed tells how long such runs are. */
  learn({ kind }: Order, { log, ms }: StepResult): void {
    this.#lines.set(kind, Math.max(1, log.split('\n').filter((line) => boundary.test(line)).length))
    this.#ms.set(kind, ms)
  }
}

/** Starts the order and kills its node, and only that, at the moment; its children live on. */
export async function killAt(job: Job, order: Order, moment: Moment): Promise<Killed> {
  const began = performance.now()
  let lines = 0
  let lastLine = ''
  let afterMs = 0
  let kill: () => void = () => undefined
  let isDue = false
  const strike = () => {
    if (isDue) return
    isDue = true
    afterMs = Math.round(performance.now() - began)
    kill()
  }
  const running = await job.start({
    action: order.action,
    inputs: order.inputs,
    onLine(line) {
      if (isDue) return
      lastLine = line
      if (boundary.test(line)) lines += 1
      if ('afterLines' in moment && lines >= moment.afterLines) strike()
    },
  })
  kill = () => running.kill('SIGKILL')
  if (isDue) kill()
  const timer = 'afterMs' in moment ? setTimeout(strike, moment.afterMs) : undefined
  const result = await running.result
  clearTimeout(timer)
  return { wasKilled: result.signal === 'SIGKILL', lastLine, afterMs, result }
}
