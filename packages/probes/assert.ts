import { isDeepStrictEqual } from 'node:util'
import { Failure, assertionFailure, readPath, textOf } from '#kernel'
import type { Assertion, Json } from '#kernel'
import { jsonOf, pathOf, valuesOf } from './json-path.ts'
import { patternOf } from './pattern.ts'
import { BadAnswer } from './reason.ts'
import type { Asserting } from './http.ts'

/** What an assertion may look at. */
export interface Answered {
  readonly status?: number | undefined
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

/** Null when the answer says what it must, else why not. */
type Judge = (answer: Answered) => Promise<string | null>

/** Values of such headers are never shown. */
const secretHeaders = /cookie|authori[sz]ation|token|secret|key/

const ready = new WeakMap<Assertion, Promise<Judge>>()

/**
 * Makes assertions ready, so that a wrong pattern or path is found before anything is asked.
 * @throws Failure ASSERTION_INVALID, pointing at the column.
 */
export async function checkAssertions(assertions: readonly Assertion[]): Promise<void> {
  for (const assertion of assertions) await judgeOf(assertion)
}

/**
 * Why an answer does not say what it must; null when it does. A path that finds several values must hold for each of them,
 * and one that finds none holds nothing, except with `not exists`.
 * @throws Failure ASSERTION_INVALID as checkAssertions does.
 */
export async function failureOf(assertion: Assertion, answer: Answered): Promise<string | null> {
  const judge = await judgeOf(assertion)
  try {
    return await judge(answer)
  } catch (thrown) {
    if (thrown instanceof BadAnswer) return `${thrown.message}, wanted ${assertion.text}`
    throw thrown
  }
}

/** The first failure of several, in their order. */
export async function firstFailure(assertions: readonly Assertion[], answer: Answered): Promise<string | null> {
  for (const assertion of assertions) {
    const why = await failureOf(assertion, answer)
    if (why !== null) return why
  }
  return null
}

function judgeOf(assertion: Assertion): Promise<Judge> {
  const known = ready.get(assertion)
  if (known !== undefined) return known
  const made = makeReady(assertion)
  ready.set(assertion, made)
  return made
}

async function makeReady(assertion: Assertion): Promise<Judge> {
  const { subject, text } = assertion
  const holds = await testOf(assertion)
  const wanted = `wanted ${text}`
  if (subject.of === 'dotted') return ({ body }) => Promise.resolve(dotted(assertion, subject.path, body ?? ''))
  if (subject.of === 'path') {
    const query = await parsed(assertion, subject.path, () => pathOf(subject.path))
    return async ({ body }) => {
      const values = await valuesOf(query, jsonOf(body ?? ''))
      if (assertion.operator === 'exists') {
        if (values.length > 0 !== assertion.negated) return null
        return `${subject.path} ${assertion.negated ? `is ${shown(values[0])}` : 'is not there'}, ${wanted}`
      }
      if (values.length === 0) return `${subject.path} is not there, ${wanted}`
      const wrong = values.find((value) => !holds(value))
      return wrong === undefined ? null : `${subject.path} is ${shown(wrong)}, ${wanted}`
    }
  }
  const [name, read, isShown] = textSubject(assertion)
  return (answer) => {
    const value = read(answer)
    const isThere = value !== undefined && value !== ''
    if (assertion.operator === 'exists') {
      if (isThere !== assertion.negated) return Promise.resolve(null)
      return Promise.resolve(`${name} is ${assertion.negated ? 'there' : 'not there'}, ${wanted}`)
    }
    if (value === undefined) return Promise.resolve(`${name} is not there, ${wanted}`)
    if (holds(value)) return Promise.resolve(null)
    return Promise.resolve(`${name} is ${isShown ? shown(value) : 'another'}, ${wanted}`)
  }
}

/** How a text is called, where it stands, and whether it may be shown. Bodies may hold secrets. */
function textSubject({ subject }: Assertion): readonly [string, (answer: Answered) => Json | undefined, boolean] {
  if (subject.of === 'status') return ['the status', ({ status }) => status, true]
  if (subject.of !== 'header') return ['the body', ({ body }) => body, false]
  const { name } = subject
  return [`the header ${name}`, ({ headers }) => headers?.[name], !secretHeaders.test(name)]
}

/** `checks.database=ok`: compared as text, as people write it in an input. */
function dotted({ value }: Assertion, path: string, body: string): string | null {
  const found = textOf(readPath(body, path))
  if (found === value) return null
  const what = found === undefined ? 'nothing' : JSON.stringify(found.slice(0, 100))
  return `answers with ${what} at "${path}", wanted "${textOf(value) ?? ''}"`
}

/** Does a value that was found hold? */
async function testOf(assertion: Assertion): Promise<(found: Json) => boolean> {
  const { operator, negated, value, flags } = assertion
  if (operator === 'matches') {
    const pattern = await parsed(assertion, String(value), () => patternOf(String(value), flags))
    return (found) => (typeof found === 'string' && pattern.test(found)) !== negated
  }
  if (operator === 'contains') return (found) => contains(found, value) !== negated
  if (operator === '==') return (found) => isSame(found, value)
  if (operator === '!=') return (found) => !isSame(found, value)
  const orders: Readonly<Record<string, (found: number, limit: number) => boolean>> = {
    '<': (found, limit) => found < limit,
    '<=': (found, limit) => found <= limit,
    '>': (found, limit) => found > limit,
    '>=': (found, limit) => found >= limit,
  }
  const order = orders[operator]
  const isText = assertion.subject.of === 'header'
  return (found) => {
    const number = isText && typeof found === 'string' && found.trim() !== '' ? Number(found) : found
    return typeof number === 'number' && order?.(number, Number(value)) === true
  }
}

function isSame(found: Json, wanted: Json): boolean {
  return isDeepStrictEqual(found, wanted)
}

/** A text holds another text; a list holds a value. */
function contains(found: Json, wanted: Json): boolean {
  if (typeof found === 'string') return found.includes(textOf(wanted) ?? '')
  return Array.isArray(found) && found.some((each: Json) => isSame(each, wanted))
}

/** Makes a part ready; its fault is told at its place in the whole line. */
async function parsed<Ready>(assertion: Assertion, part: string, make: () => Promise<Ready>): Promise<Ready> {
  try {
    return await make()
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown
    const at = (thrown as { token?: { index?: unknown } }).token?.index
    const column = assertion.text.indexOf(part) + (typeof at === 'number' ? at : 0)
    const what = assertion.operator === 'matches' && typeof at !== 'number' ? 'the pattern' : 'the path'
    throw assertionFailure(assertion.text, column, `${what} does not parse (${messageOf(thrown)})`, thrown)
  }
}

function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return message.replace(/\s*\('.*$/s, '').slice(0, 100)
}

function shown(value: Json | undefined): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100)
}

/** Judges assertions, for `httpProbe`. */
export const asserting: Asserting = { check: checkAssertions, firstFailure }
