import { valueAt } from '../json-path.ts'
import { findIn, patternOf } from '../pattern.ts'
import { pathOf } from '../json-path.ts'
import type { Answered } from '../assert.ts'
import type { Value } from './flow.ts'

const longestValue = 8192

type Source =
  | { readonly from: 'path'; readonly path: string }
  | { readonly from: 'header'; readonly header: string }
  | { readonly from: 'cookie'; readonly cookie: string }
  | { readonly from: 'body'; readonly pattern: string; readonly flags: string }

/** `token: $.token`: what is kept of an answer, under a name. */
export interface Capture {
  readonly name: string
  /** As it is written. */
  readonly text: string
  readonly source: Source
}

/** Where a capture found nothing that can be kept, in words without what it found. */
export interface Missed {
  readonly missed: string
}

/**
 * Reads a capture: `$.token` (RFC 9535), `header x-csrf-token`, `cookie session`, `body /id=(\d+)/`.
 * @throws Error, in words, when it does not parse.
 */
export async function parseCapture(name: string, text: string): Promise<Capture> {
  const source = sourceOf(text.trim())
  try {
    if (source.from === 'path') await pathOf(source.path)
    if (source.from === 'body') await patternOf(source.pattern, source.flags)
  } catch (cause) {
    const what = cause instanceof Error ? cause.message.split('\n')[0]?.slice(0, 100) : 'it does not parse'
    throw new Error(`${source.from === 'path' ? 'the path' : 'the pattern'} does not parse (${what})`, { cause })
  }
  return { name, text: text.trim(), source }
}

function sourceOf(text: string): Source {
  if (text.startsWith('$')) return { from: 'path', path: text }
  const header = /^header\s+([!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/.exec(text)?.[1]
  if (header?.toLowerCase() === 'set-cookie') throw new Error('cookies are kept by themselves; write "cookie NAME"')
  if (header !== undefined) return { from: 'header', header: header.toLowerCase() }
  const cookie = /^cookie\s+([!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/.exec(text)?.[1]
  if (cookie !== undefined) return { from: 'cookie', cookie }
  const pattern = /^body\s+\/(.+)\/([ims]*)$/su.exec(text)
  if (pattern?.[1] !== undefined) return { from: 'body', pattern: pattern[1], flags: pattern[2] ?? '' }
  throw new Error('expected $.path, header NAME, cookie NAME or body /pattern/')
}

/** What a capture finds in an answer; a pattern gives its first group, or its whole find. */
export async function captured(
  { source, text }: Capture,
  answer: Answered,
  cookieOf: (name: string) => string | undefined,
): Promise<Value | Missed> {
  const found = await lookUp(source, answer, cookieOf)
  if (found === undefined || found === null) return { missed: `nothing at ${text}` }
  if (typeof found === 'object') return { missed: `${text} is a list or an object, not one value` }
  if (String(found) === '') return { missed: `${text} is empty` }
  return String(found).length > longestValue ? { missed: `${text} is longer than ${longestValue} characters` } : found
}

async function lookUp(
  source: Source,
  { headers, body }: Answered,
  cookieOf: (name: string) => string | undefined,
): Promise<Value | object | null | undefined> {
  if (source.from === 'path') return valueAt(body ?? '', source.path)
  if (source.from === 'header') return headers?.[source.header]
  if (source.from === 'cookie') return cookieOf(source.cookie)
  return findIn(body ?? '', source.pattern, source.flags)
}
