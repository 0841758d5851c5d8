import type { Cursor } from './assertion-text.ts'
import { shortened } from './assertion-text.ts'
import { convertText, isUnit, limitUnits, shownUnit, unitNames } from './units.ts'
import type { Unit } from './units.ts'

/** A limit that hangs on what a baseline shows: `factor` × baseline + `offset`. */
export interface RelativeLimit {
  readonly factor: number
  /** In the unit of the threshold. */
  readonly offset: number
}

export interface Limit {
  /** In `unit`; NaN for a limit that hangs on a baseline. */
  readonly limit: number
  /** What limit and value are shown in; times in ms. */
  readonly unit: Unit
  readonly relative: RelativeLimit | null
}

/** The metric a limit is for; `unit` undefined while nobody knows it. */
export interface Limited {
  readonly metric: string
  readonly unit: Unit | undefined
}

/** Makes the failure that points at a column, counted from 0. */
export type Fault = (column: number, what: string) => Error

const number = /^\d+(\.\d+)?/
const baseline = /^baseline(?![^\s+-])/

/** Reads `500ms`, `baseline`, `1.2x baseline`, `baseline + 0.5%`. @throws what `fault` makes. */
export function readLimit(at: Cursor, of: Limited, fault: Fault): Limit {
  at.space()
  const start = at.column()
  const amount = at.match(number)
  at.space()
  const isFactor = amount !== '' && at.match(/^x(?=\s|$|baseline)/) !== ''
  if (isFactor && !(Number(amount) > 0 && Number.isFinite(Number(amount))))
    throw fault(start, 'the factor must be more than 0')
  at.space()
  if ((isFactor || amount === '') && at.match(baseline) !== '') {
    return readOffset(at, of, isFactor ? Number(amount) : 1, fault)
  }
  if (isFactor) throw fault(at.column(), `expected "baseline" after ${shortened(amount)}x`)
  return { ...readUnit(at, of, amount, start, fault), relative: null }
}

/** `+ 0.5%` after `baseline`. */
function readOffset(at: Cursor, of: Limited, factor: number, fault: Fault): Limit {
  at.space()
  const sign = at.match(/^[+-]/)
  if (sign === '') return { limit: Number.NaN, unit: shownUnit(of.unit ?? ''), relative: { factor, offset: 0 } }
  at.space()
  const start = at.column()
  const { limit, unit } = readUnit(at, of, at.match(number), start, fault)
  return { limit: Number.NaN, unit, relative: { factor, offset: sign === '-' ? -limit : limit } }
}

/** The unit after an amount, and what both together say. */
function readUnit(
  at: Cursor,
  of: Limited,
  amount: string,
  start: number,
  fault: Fault,
): { readonly limit: number; readonly unit: Unit } {
  if (amount === '') throw fault(at.column(), 'expected a number with its unit')
  at.space()
  const unitAt = at.column()
  const written = at.match(/^\S+/)
  const allowed = of.unit === undefined ? ['' as const, ...unitNames] : limitUnits(of.unit)
  const fits = (word: string): word is Unit => isUnit(word) && word !== 'ratio' && allowed.includes(word)
  if (!fits(written)) {
    if (of.unit === '') throw fault(unitAt, `unexpected "${shortened(written)}": this metric has no unit`)
    const what = written === '' ? 'the unit is missing' : `unknown unit "${shortened(written)}"`
    throw fault(unitAt, `${what} (${listed(allowed.filter((name) => name !== '' && name !== 'ratio'))})`)
  }
  const unit = shownUnit(of.unit ?? written, written)
  const limit = convertText(amount, written, unit)
  if (!Number.isFinite(limit)) throw fault(start, 'the limit is too large')
  if (of.metric === 'error_rate' && limit > 100) throw fault(start, 'a share is never over 100 %')
  return { limit, unit }
}

function listed(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), words.at(-1)].filter((part) => part !== '').join(' or ')
}
