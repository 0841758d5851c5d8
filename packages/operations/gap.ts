import type { Weights } from '#kernel'

/** How long no slot had the traffic, where one release has to end before the other starts. */
export class Gap {
  #since: number | null = null
  #ms: number | null = null

  shifted(weights: Weights, nowMs: number): void {
    if (weights.blue + weights.green === 0) this.#since ??= nowMs
  }

  /** Traffic was seen to arrive again: milliseconds since it was taken off; null when it never was. */
  confirmed(nowMs: number): number | null {
    if (this.#since === null) return null
    const ms = Math.round(nowMs - this.#since)
    this.#since = null
    this.#ms = Math.max(this.#ms ?? 0, ms)
    return ms
  }

  /** The longest one of the run; null when there was none. */
  get ms(): number | null {
    return this.#ms
  }
}
