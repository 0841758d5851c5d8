import { Failure } from './failure.ts'
import { cursorOf, pathEnd, shortened } from './assertion-text.ts'
import type { Cursor } from './assertion-text.ts'

/** What an assertion looks at. `path`: JSONPath (RFC 9535), which may find several values; `dotted`: `checks.database`. */
export type AssertionSubject =
  | { readonly of: 'status' }
  | { readonly of: 'header'; readonly name: string }
  | { readonly of: 'body' }
  | { readonly of: 'path'; readonly path: string }
  | { readonly of: 'dotted'; readonly path: string }

export type AssertionOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'contains' | 'matches' | 'exists'

/** A value as JSON knows it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** `$.checks.database.status == "ok"`: one thing that an answer must say. */
export interface Assertion {
  readonly text: string
  readonly subject: AssertionSubject
  readonly operator: AssertionOperator
  /** `not contains`, `not matches`, `not exists`. */
  readonly negated: boolean
  /** What it is compared with; the source of the pattern for `matches`; null for `exists`. */
  readonly value: Json
  /** Flags of a pattern: some of `ims`. */
  readonly flags: string
}

const maxLength = 2000
const comparisons: readonly AssertionOperator[] = ['==', '!=', '<=', '>=', '<', '>']
const words: readonly AssertionOperator[] = ['contains', 'matches', 'exists']

/**
 * Reads one assertion. Pattern and JSONPath are only told apart here; what is wrong inside them is found when they are made
 * ready, which is before anything is asked.
 * @throws Failure ASSERTION_INVALID, pointing at the column that does not fit.
 */
export function parseAssertion(given: string): Assertion {
  const text = given.trim()
  if (text.length > maxLength) throw assertionFailure(text, maxLength, `it is longer than ${maxLength} characters`)
  const short = /^\s*([^=\s<>!$][^=\s<>!]{0,199})\s*=(?!=)(.*)$/su.exec(text)
  if (short?.[1] !== undefined) {
    const subject = { of: 'dotted', path: short[1] } as const
    return { text, subject, operator: '==', negated: false, value: (short[2] ?? '').trim(), flags: '' }
  }
  const at = cursorOf(text)
  const subject = readSubject(at)
  const { operator, negated } = readOperator(at, subject)
  const start = (at.space(), at.column())
  const rest = at.rest()
  const base = { text, subject, operator, negated, flags: '' }
  if (operator === 'exists') {
    if (rest !== '') throw assertionFailure(text, start, `unexpected "${shortened(rest)}"`)
    return { ...base, value: null }
  }
  if (rest === '') throw assertionFailure(text, start, `expected what it ${operator} …`)
  if (operator === 'matches') return { ...base, ...readPattern(text, rest, start) }
  return { ...base, value: readValue(text, rest, start, base) }
}

/** A fault of an assertion, at a column counted from 0. */
export function assertionFailure(text: string, column: number, what: string, cause?: unknown): Failure {
  return new Failure('ASSERTION_INVALID', `assertion "${shortened(text)}": ${what} at column ${column + 1}`, {
    field: 'expect',
    hint: 'For example: status == 200 · header content-type contains json · body matches /ready/i · $.checks.database.status == "ok" · checks.database=ok',
    ...(cause === undefined ? {} : { cause }),
  })
}

function readSubject(at: Cursor): AssertionSubject {
  at.space()
  const start = at.column()
  if (at.peek('$')) {
    const end = pathEnd(at.text, start)
    if (end === null)
      throw assertionFailure(at.text, at.text.length, 'the path does not end: a bracket or quote is open')
    return { of: 'path', path: at.take(end - start) }
  }
  const word = at.match(/^[^\s=!<>]+/)
  if (word === 'status') return { of: 'status' }
  if (word === 'body') return { of: 'body' }
  if (word === 'header') {
    at.space()
    const nameAt = at.column()
    // RFC 9110, 5.1: a field name is a token.
    const name = at.match(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/)
    if (name === '') throw assertionFailure(at.text, nameAt, 'expected the name of a header')
    return { of: 'header', name: name.toLowerCase() }
  }
  const what =
    word === '' ? 'expected status, header, body or a path that begins with $' : `unknown subject "${shortened(word)}"`
  throw assertionFailure(at.text, start, what)
}

function readOperator(at: Cursor, subject: AssertionSubject): Pick<Assertion, 'operator' | 'negated'> {
  at.space()
  const start = at.column()
  const sign = comparisons.find((each) => at.peek(each))
  if (sign !== undefined) {
    if (subject.of === 'body' && sign !== '==' && sign !== '!=')
      throw assertionFailure(at.text, start, `a body has no ${sign}`)
    at.take(sign.length)
    return { operator: sign, negated: false }
  }
  const first = at.match(/^[a-z]+/)
  const negated = first === 'not'
  at.space()
  const wordAt = negated ? at.column() : start
  const word = negated ? at.match(/^[a-z]+/) : first
  const operator = words.find((each) => each === word)
  if (operator === undefined)
    throw assertionFailure(at.text, wordAt, `expected ${[...comparisons, ...words].join(' ')}`)
  if (subject.of === 'status')
    throw assertionFailure(at.text, start, `a status has no "${word}", compare it with a number`)
  return { operator, negated }
}

function readPattern(text: string, rest: string, start: number): Pick<Assertion, 'value' | 'flags'> {
  const parts = /^\/(.*)\/([^/]*)$/su.exec(rest)
  if (parts?.[1] === undefined) throw assertionFailure(text, start, 'expected a pattern between slashes, as /ready/i')
  const flags = parts[2] ?? ''
  const flagsAt = start + parts[1].length + 2
  if (parts[1] === '') throw assertionFailure(text, start + 1, 'the pattern is empty')
  if (!/^(?!.*(.).*\1)[ims]*$/.test(flags))
    throw assertionFailure(text, flagsAt, `unknown flags "${shortened(flags)}" (i, m, s)`)
  return { value: parts[1], flags }
}

function readValue(
  text: string,
  rest: string,
  start: number,
  { subject, operator }: Pick<Assertion, 'subject' | 'operator'>,
): Json {
  const isText = subject.of === 'header' || subject.of === 'body'
  const isOrder = /^[<>]/.test(operator)
  const isJson = /^"/.test(rest) || (!isText && /^[[{]|^(?:-?\d.*|true|false|null)$/s.test(rest))
  const value = isJson ? jsonOf(text, rest, start) : rest
  const isNumber = typeof value === 'number' || (isText && value !== '' && Number.isFinite(Number(value)))
  if (subject.of === 'status' && !(Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 599))
    throw assertionFailure(text, start, `"${shortened(rest)}" is not an HTTP status`)
  if (isOrder && !isNumber)
    throw assertionFailure(text, start, `${operator} compares numbers, "${shortened(rest)}" is none`)
  if (!isJson && !isText && /\s/.test(rest))
    throw assertionFailure(text, start, 'a text with spaces stands in double quotes')
  return value
}

function jsonOf(text: string, rest: string, start: number): Json {
  try {
    return JSON.parse(rest) as Json
  } catch (cause) {
    throw assertionFailure(text, start, `"${shortened(rest)}" is not a JSON value`, cause)
  }
}
