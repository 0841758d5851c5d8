import type { Slot, Weights } from '#kernel'

/** The fractional part of the golden ratio: steps of this length spread over the unit interval as evenly as any can. */
const step = (Math.sqrt(5) - 1) / 2

/**
 * Chooses the slot of each request by the weights. A random start and golden steps keep the shares within a request or
 * two of the weights over any run, where plain chance would be off by several percent in a hundred requests; no pattern
 * of a client (every second request a POST) falls in step with it.
 */
export class SlotChooser {
  #at: number

  constructor(start: number = Math.random()) {
    this.#at = start
  }

  /** null while nothing is live. */
  next(weights: Weights): Slot | null {
    if (weights.blue + weights.green === 0) return null
    this.#at = (this.#at + step) % 1
    return this.#at * 100 < weights.blue ? 'blue' : 'green'
  }
}
