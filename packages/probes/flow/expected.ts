import { parseAssertion } from '#kernel'
import type { Assertion, Json } from '#kernel'
import { checkAssertions } from '../assert.ts'
import type { ExpectedOf, Value, Values } from './flow.ts'
import { filled, namesIn, valueOf } from './placeholder.ts'

/** A comparison with one variable alone: `$.total == {{total}}`, without quotes. */
const compared = /^(.*?(?:==|!=|<=?|>=?)\s*)\{\{\s*([^{}]*?)\s*\}\}\s*$/su

/**
 * Reads an assertion that may hold placeholders: in its path, in its pattern, in what it is compared with.
 * @throws Failure ASSERTION_INVALID, as parseAssertion and checkAssertions do.
 */
export async function parseExpected(text: string): Promise<ExpectedOf> {
  const [, start, name] = compared.exec(text) ?? []
  // 200 is a status, a number and a text: it stands for whatever will come.
  const isWhole = start !== undefined && name !== undefined && namesIn(start).length === 0
  const parsed = parseAssertion(isWhole ? `${start}200` : text)
  const expected = { assertion: { ...parsed, text: text.trim() }, valueFrom: isWhole ? name : null }
  await checkAssertions([filledWith(expected, (each) => each)])
  return expected
}

/** The assertion with the values of its variables. Its text stays as it is written, so that no message shows them. */
export function filledAssertion(expected: ExpectedOf, values: Values): Assertion {
  return filledWith(expected, (name) => valueOf(name, values))
}

function filledWith({ assertion, valueFrom }: ExpectedOf, give: (name: string) => Value): Assertion {
  const { subject, operator, value } = assertion
  const names = [...namesIn(value), ...('path' in subject ? namesIn(subject.path) : [])]
  const values: Values = new Map(names.map((name) => [name, give(name)]))
  return {
    ...assertion,
    subject: subject.of === 'path' ? { ...subject, path: filled(subject.path, values, quotable) } : subject,
    value: valueFrom !== null ? wordOf(assertion, give(valueFrom)) : inValue(operator, value, values),
  }
}

function inValue(operator: Assertion['operator'], value: Json, values: Values): Json {
  if (typeof value !== 'string') return value
  return filled(value, values, operator === 'matches' ? literal : undefined)
}

/** As if it had been written without quotes: a text that looks like a number is one, where numbers are compared. */
function wordOf({ subject, operator }: Assertion, value: Value): Json {
  const isNumeric = String(value).trim() !== '' && Number.isFinite(Number(value))
  const isNumber = subject.of === 'status' || (subject.of === 'path' && /^[<>]/.test(operator))
  if (isNumber && isNumeric) return Number(value)
  return subject.of === 'path' ? value : String(value)
}

/** A value that may stand between either quotes of a JSONPath (RFC 9535, 2.3.1.1). */
function quotable(value: string): string {
  return JSON.stringify(value)
    .slice(1, -1)
    .replace(/\\"|'/g, (quote) => (quote === "'" ? '\\u0027' : '\\u0022'))
}

/** A value that means itself in a pattern. */
function literal(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
