/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The value below which `share` (0–1) of them lie, by nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** One line of the result: what was measured, in which unit, and what it was aimed to be. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly aim?: number
  readonly detail: string
}

export function show(figure: Figure): string {
  const digits = figure.unit === '×' ? 2 : figure.unit === 'MB' || figure.unit === 's' ? 2 : 0
  const aim =
    figure.aim === undefined
      ? ''
      : `aim ≤ ${figure.aim}${figure.unit === '×' ? '×' : ` ${figure.unit}`}: ${figure.value <= figure.aim ? 'met' : 'NOT MET'}`
  return `${figure.what.padEnd(58)} ${figure.value.toFixed(digits).padStart(9)} ${figure.unit.padEnd(4)} ${aim.padEnd(24)} ${figure.detail}`
}
