/** One look at what has come so far: at how many samples, and how unlikely by chance a finding must be there. */
export interface Look {
  readonly at: number
  readonly level: number
}

/** What a look before the end may cost of the level, so that the last one keeps most of it. */
const earlyShare = 0.1

/**
 * When a comparison of `planned` samples is looked at: at a quarter, half and three quarters of them, never under `minSamples`, and at the end.
 * Looking often and stopping at the first finding finds too much; the levels therefore add up to `level` (Bonferroni),
 * so that all looks together raise a false alarm no more often than that.
 */
export function looksAt(planned: number, minSamples: number, level: number): readonly Look[] {
  const early = [0.25, 0.5, 0.75]
    .map((share) => Math.ceil(share * planned))
    .filter((at) => at >= minSamples && at < planned)
  const distinct = [...new Set(early)]
  return [
    ...distinct.map((at) => ({ at, level: earlyShare * level })),
    { at: planned, level: (1 - earlyShare * distinct.length) * level },
  ]
}
