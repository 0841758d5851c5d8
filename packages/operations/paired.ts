import { collectSeries } from '#kernel'
import type { Compared, Measurement, Pair, Series } from '#kernel'
import { tallyOf } from './tally.ts'

/** What one release answered so far. */
export interface Side {
  add(atMs: number, look: Measurement): void
  series(): Series
}

/** `spanMs`: how long the measurement will take about. */
export async function sideOf(of: Series['of'], label: string, spanMs: number): Promise<Side> {
  const tally = await tallyOf([], 0, 0)
  const course = collectSeries(spanMs)
  return {
    add(atMs, look) {
      tally.add({ ...look, lateMs: 0 })
      course.add(atMs, look.latencyMs, look.ok)
    },
    series: () => ({ of, label, sample: tally.sample(), points: course.points() }),
  }
}

/** Two answers of one moment. */
export interface Looks {
  readonly atMs: number
  readonly old: Measurement
  readonly new: Measurement
}

/**
 * The pairs of a comparison. They are counted in the order in which they were sent, whatever comes first: else those that are
 * answered soon would decide alone when it ends.
 */
export class Paired {
  readonly #old: Side
  readonly #new: Side
  readonly #waiting = new Map<number, Looks>()
  readonly #pairs: Pair[] = []
  #oldBad = 0
  #newBad = 0
  #count = 0

  constructor(old: Side, new_: Side) {
    this.#old = old
    this.#new = new_
  }

  get count(): number {
    return this.#count
  }

  /** Takes the looks of pair `index`, from 0. */
  put(index: number, looks: Looks): void {
    this.#waiting.set(index, looks)
  }

  /** Counts the next pair, if it has come. */
  advance(): boolean {
    const looks = this.#waiting.get(this.#count)
    if (looks === undefined) return false
    this.#waiting.delete(this.#count)
    this.#count += 1
    this.#old.add(looks.atMs, looks.old)
    this.#new.add(looks.atMs, looks.new)
    this.#oldBad += looks.old.ok ? 0 : 1
    this.#newBad += looks.new.ok ? 0 : 1
    if (looks.old.ok && looks.new.ok) this.#pairs.push({ oldMs: looks.old.latencyMs, newMs: looks.new.latencyMs })
    return true
  }

  compared(): Compared {
    return {
      pairs: this.#pairs,
      old: { bad: this.#oldBad, of: this.#count },
      new: { bad: this.#newBad, of: this.#count },
    }
  }

  /** New first, as reports want it. */
  series(): readonly Series[] {
    return [this.#new.series(), this.#old.series()]
  }
}
