import { hundredths, percentiles, type Percentiles } from './percentile.ts'
import type { LostReason, Outcome } from './outcome.ts'

/** What one version of the app was seen doing. */
export interface VersionCount {
  answered: number
  /** Answers other than 2xx (and other than the router's 502, 503, 504). */
  bad: number
  firstAtMs: number
  lastAtMs: number
  /** When the last request that it answered was sent: until then it had traffic. */
  lastSentMs: number
  firstBadAtMs?: number
  lastBadAtMs?: number
}

/** The counts of a stretch of time. */
export interface Counts {
  readonly sent: number
  readonly good: number
  readonly bad: number
  readonly lost: number
  /** 503 before the app was ever live. */
  readonly early: number
  readonly versions: Readonly<Record<string, { readonly answered: number; readonly bad: number }>>
  readonly latencyMs: Percentiles
}

export interface IntervalLine extends Counts {
  readonly type: 'interval'
  readonly fromMs: number
  readonly toMs: number
  /** Latencies of each version's good answers to GET and POST. */
  readonly latencyOf: Readonly<Record<string, Percentiles>>
  /** Milliseconds of every good GET and POST, when they were asked for. */
  readonly raw?: readonly number[]
}

export interface TotalLine extends Counts {
  readonly type: 'total'
  readonly fromMs: number
  readonly toMs: number
  /** When the first 200 was seen; absent if there never was one. */
  readonly liveAtMs?: number
  readonly lostBy: Readonly<Partial<Record<LostReason, number>>>
  readonly seen: Readonly<Record<string, VersionCount>>
  /** Good and bad answers of each version in each second since the load began. */
  readonly seconds: readonly Readonly<Record<string, { readonly answered: number; readonly bad: number }>>[]
  /** The longest time without a good answer to a GET or POST since the app was live. */
  readonly longestGap: { readonly ms: number; readonly atMs: number }
}

interface Stretch {
  fromMs: number
  sent: number
  good: number
  bad: number
  lost: number
  early: number
  versions: Record<string, { answered: number; bad: number }>
  latenciesMs: number[]
  latenciesOf: Record<string, number[]>
}

/** Counts outcomes. Pure but for its own memory: it is told the time. */
export class Tally {
  readonly #all: Stretch
  #interval: Stretch
  readonly #seen: Record<string, VersionCount> = {}
  readonly #lostBy: Partial<Record<LostReason, number>> = {}
  readonly #seconds: Record<string, { answered: number; bad: number }>[] = []
  #liveAtMs: number | undefined
  #lastGoodAtMs: number | undefined
  #longestGap = { ms: 0, atMs: 0 }

  constructor(nowMs: number) {
    this.#all = empty(nowMs)
    this.#interval = empty(nowMs)
  }

  /** One request has gone out. */
  sent(): void {
    this.#all.sent += 1
    this.#interval.sent += 1
  }

  /** One request has come to its end. Says how it was counted. */
  ended(outcome: Outcome): 'good' | 'bad' | 'lost' | 'early' {
    if ('lost' in outcome) return this.#count(this.#judgeLost(outcome.lost))
    const isGood = outcome.status >= 200 && outcome.status < 300
    // A socket's upgrade (101) says nothing about a version.
    if (outcome.kind === 'socket') return this.#count('good')
    this.#see(outcome.version, outcome.atMs, outcome.latencyMs, isGood)
    if (isGood) {
      this.#liveAtMs ??= outcome.atMs
      if (outcome.kind !== 'slow') this.#time(outcome.version, outcome.atMs, outcome.latencyMs)
    }
    return this.#count(isGood ? 'good' : 'bad')
  }

  /** Closes the running interval. */
  interval(nowMs: number, raw: boolean): IntervalLine {
    const past = this.#interval
    this.#interval = empty(nowMs)
    const latencyOf = Object.fromEntries(
      Object.entries(past.latenciesOf).map(([version, all]) => [version, percentiles(all)]),
    )
    const line = { type: 'interval', fromMs: past.fromMs, toMs: nowMs, ...counts(past), latencyOf } as const
    return raw ? { ...line, raw: past.latenciesMs.map(hundredths) } : line
  }

  /** The whole load. What is under way may end long after the last request was sent: that is no gap. */
  total(nowMs: number, stoppedMs: number): TotalLine {
    this.#widenGap(stoppedMs)
    return {
      type: 'total',
      fromMs: this.#all.fromMs,
      toMs: nowMs,
      ...counts(this.#all),
      ...(this.#liveAtMs === undefined ? {} : { liveAtMs: this.#liveAtMs }),
      lostBy: this.#lostBy,
      seen: this.#seen,
      seconds: Array.from(this.#seconds, (second) => second ?? {}),
      longestGap: this.#longestGap,
    }
  }

  #judgeLost(reason: LostReason): 'lost' | 'early' {
    if (reason === '503' && this.#liveAtMs === undefined) return 'early'
    this.#lostBy[reason] = (this.#lostBy[reason] ?? 0) + 1
    return 'lost'
  }

  #count<Judged extends 'good' | 'bad' | 'lost' | 'early'>(judged: Judged): Judged {
    this.#all[judged] += 1
    this.#interval[judged] += 1
    return judged
  }

  #see(version: string, atMs: number, latencyMs: number, isGood: boolean): void {
    const index = Math.max(0, Math.floor((atMs - this.#all.fromMs) / 1000))
    const second = (this.#seconds[index] ??= {})
    for (const versions of [this.#all.versions, this.#interval.versions, second]) {
      const count = (versions[version] ??= { answered: 0, bad: 0 })
      count.answered += 1
      if (!isGood) count.bad += 1
    }
    const seen = (this.#seen[version] ??= { answered: 0, bad: 0, firstAtMs: atMs, lastAtMs: atMs, lastSentMs: 0 })
    seen.answered += 1
    seen.lastAtMs = atMs
    seen.lastSentMs = Math.max(seen.lastSentMs, Math.round(atMs - latencyMs))
    if (isGood) return
    seen.bad += 1
    seen.firstBadAtMs ??= atMs
    seen.lastBadAtMs = atMs
  }

  #time(version: string, atMs: number, latencyMs: number): void {
    const ofVersion = (this.#interval.latenciesOf[version] ??= [])
    ofVersion.push(latencyMs)
    this.#all.latenciesMs.push(latencyMs)
    this.#interval.latenciesMs.push(latencyMs)
    this.#widenGap(atMs)
    this.#lastGoodAtMs = atMs
  }

  #widenGap(nowMs: number): void {
    if (this.#lastGoodAtMs === undefined) return
    const ms = nowMs - this.#lastGoodAtMs
    if (ms > this.#longestGap.ms) this.#longestGap = { ms, atMs: this.#lastGoodAtMs }
  }
}

function empty(fromMs: number): Stretch {
  return { fromMs, sent: 0, good: 0, bad: 0, lost: 0, early: 0, versions: {}, latenciesMs: [], latenciesOf: {} }
}

function counts({ sent, good, bad, lost, early, versions, latenciesMs }: Stretch): Counts {
  return { sent, good, bad, lost, early, versions, latencyMs: percentiles(latenciesMs) }
}
