/** What an amount is counted in. `ratio`: a share of 1; empty: a bare number. */
export type Unit = '' | '%' | 'ratio' | 'ms' | 's' | 'B' | 'kB' | 'MB' | 'GB' | 'KiB' | 'MiB' | 'GiB' | '/s' | '/min'

interface Scale {
  /** Units of one kind can be turned into one another. */
  readonly kind: 'number' | 'share' | 'time' | 'size' | 'rate'
  /** To the smallest unit of the kind: ten to the power of `tens`, times `factor`. */
  readonly tens: number
  readonly factor: number
}

const scales: Readonly<Record<Unit, Scale>> = {
  '': { kind: 'number', tens: 0, factor: 1 },
  '%': { kind: 'share', tens: 0, factor: 1 },
  ratio: { kind: 'share', tens: 2, factor: 1 },
  ms: { kind: 'time', tens: 0, factor: 1 },
  s: { kind: 'time', tens: 3, factor: 1 },
  B: { kind: 'size', tens: 0, factor: 1 },
  kB: { kind: 'size', tens: 3, factor: 1 },
  MB: { kind: 'size', tens: 6, factor: 1 },
  GB: { kind: 'size', tens: 9, factor: 1 },
  KiB: { kind: 'size', tens: 0, factor: 1024 },
  MiB: { kind: 'size', tens: 0, factor: 1024 ** 2 },
  GiB: { kind: 'size', tens: 0, factor: 1024 ** 3 },
  '/min': { kind: 'rate', tens: 0, factor: 1 },
  '/s': { kind: 'rate', tens: 0, factor: 60 },
}

/** Units by name, as people may write them. */
export const unitNames: readonly Unit[] = Object.keys(scales).filter((name): name is Unit => name !== '')

export function isUnit(word: string): word is Unit {
  return Object.hasOwn(scales, word)
}

/** The units a limit on a metric of this unit may carry. A share is always written in percent: 0.01 is too easily taken for 1 %. */
export function limitUnits(unit: Unit): readonly Unit[] {
  const { kind } = scales[unit]
  return (Object.keys(scales) as Unit[]).filter((name) => scales[name].kind === kind && name !== 'ratio')
}

/** The unit that values and limits of a metric are shown in, unless a limit was written in another one. Times are shown in ms. */
export function shownUnit(unit: Unit, written?: Unit): Unit {
  const { kind } = scales[unit]
  if (kind === 'time') return 'ms'
  return kind === 'share' ? '%' : (written ?? unit)
}

/** An amount as it was written, in another unit of its kind; the decimal point is shifted in the text, which is exact. */
export function convertText(amount: string, from: Unit, to: Unit): number {
  const [one, other] = [scales[from], scales[to]]
  return (Number(`${amount}e${one.tens - other.tens}`) * one.factor) / other.factor
}

/** A value in another unit of its kind. */
export function convert(value: number, from: Unit, to: Unit): number {
  if (from === to || !Number.isFinite(value)) return value
  const [one, other] = [scales[from], scales[to]]
  const [digits = '', power = ''] = value.toExponential().split('e')
  return (Number(`${digits}e${Number(power) + one.tens - other.tens}`) * one.factor) / other.factor
}

/** `120 ms`, `1.5 %`, `5 /s`: two decimals, more where the value is small. */
export function showAmount(value: number, unit: Unit): string {
  const digits = value !== 0 && Math.abs(value) < 0.1 ? Number(value.toPrecision(2)) : Number(value.toFixed(2))
  return unit === '' ? String(digits) : `${digits} ${unit}`
}
