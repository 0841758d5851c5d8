import type { Value, Values } from './flow.ts'

const placeholders = /\{\{\s*([^{}]*?)\s*\}\}/g
const mostCharacters = 1024 * 1024

/** A step that cannot be sent with the values it got. Its text shows none of them. */
export class Unfillable extends Error {}

/** Names of the variables in a text, or in all texts of a value. */
export function namesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [...value.matchAll(placeholders)].map(([, name]) => name ?? '')
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => [...namesIn(key), ...namesIn(each)])
}

/** The name, when a text is one placeholder and nothing else. */
export function soleName(text: string): string | null {
  return /^\s*\{\{\s*([^{}]*?)\s*\}\}\s*$/.exec(text)?.[1] ?? null
}

/** A text with its placeholders filled. @throws Unfillable when it grows beyond 1 MiB. */
export function filled(text: string, values: Values, encode: (value: string) => string = (value) => value): string {
  let size = text.length
  return text.replace(placeholders, (_whole, name: string) => {
    const value = encode(String(valueOf(name, values)))
    size += value.length
    if (size > mostCharacters) throw new Unfillable('it grows beyond 1 MiB once its variables are filled in')
    return value
  })
}

/** JSON with its placeholders filled; a text that is one placeholder alone takes the value with its type. */
export function filledJson(value: unknown, values: Values): unknown {
  if (typeof value === 'string') {
    const name = soleName(value)
    return name === null ? filled(value, values) : valueOf(name, values)
  }
  if (Array.isArray(value)) return value.map((each: unknown) => filledJson(each, values))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [filled(key, values), filledJson(each, values)] as const),
  )
}

/** Names are checked before the first request; a step whose captures failed is the last one sent. */
export function valueOf(name: string, values: Values): Value {
  const value = values.get(name)
  if (value === undefined) throw new Unfillable(`{{${name}}} has no value`)
  return value
}
