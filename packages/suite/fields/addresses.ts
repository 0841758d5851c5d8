import { isIP } from 'node:net'
import { parseRoute } from '#kernel'
import type { Route } from '#kernel'
import { field, invalid, readList } from './field.ts'
import type { Field, FieldMeta } from './field.ts'

/** An http or https URL. */
export function url(meta: FieldMeta): Field<string> {
  return field(meta, (given) => (given.trim() === '' ? '' : webUrl(given)))
}

/** http and https URLs, one per line. */
export function urls(meta: FieldMeta): Field<readonly string[]> {
  return field(meta, (given) => readList(given).map(webUrl))
}

/** An http or https URL; empty for none, `-` where that means to do without. */
export function urlOrDash(meta: FieldMeta): Field<string> {
  return field(meta, (given) => (['', '-'].includes(given.trim()) ? given.trim() : webUrl(given)))
}

function webUrl(given: string): string {
  const parsed = URL.parse(given.trim())
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return given.trim()
  // It is not shown: it may hold a password.
  throw invalid('is not an http or https URL', 'Write it whole, for example https://shop.example.com/health.')
}

/** What a probe is pointed at; `command:WORDS` has its words. */
export interface ProbeTarget {
  readonly url: string
  readonly command?: { readonly argv: readonly [string, ...string[]] }
}

/** `https://…`, `tcp://host:port`, `container:NAME` or `command:WORDS`, one per line. */
export function probeTargets(meta: FieldMeta): Field<readonly ProbeTarget[]> {
  return field(meta, (given) => readList(given).map(probeTarget))
}

function probeTarget(entry: string): ProbeTarget {
  const [word, ...more] = /^command:\s*(.*)$/s.exec(entry)?.[1]?.split(/\s+/) ?? []
  if (word !== undefined && word !== '') return { url: `command:${word}`, command: { argv: [word, ...more] } }
  if (/^https?:\/\//i.test(entry)) return { url: webUrl(entry) }
  if (/^tcp:\/\/[^/\s]+:\d{1,5}$/.test(entry) || /^container:[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(entry))
    return { url: entry }
  throw invalid(
    'has an entry that cannot be probed',
    'Write https://…, tcp://host:port, container:NAME or command:WORDS.',
  )
}

/** An absolute path on a server, such as `/health`. */
export function urlPath(meta: FieldMeta): Field<string> {
  return field(meta, (given) => {
    const trimmed = given.trim()
    if (!/^\/[\x21-\x7e]*$/.test(trimmed))
      throw invalid(`"${trimmed.slice(0, 60)}" is not a path`, 'It starts with / and holds no spaces.')
    return trimmed
  })
}

/** Where a front listens; null where it was not said. */
export interface Listen {
  readonly address: string | null
  readonly port: number
}

/** `port` or `address:port`. */
export function listen(meta: FieldMeta): Field<Listen | null> {
  return field(meta, (given) => (given.trim() === '' ? null : readListen(given)))
}

/** @throws Failure INPUT_INVALID */
export function readListen(given: string | number): Listen {
  const trimmed = String(given).trim()
  const parts = listenPattern.exec(trimmed)
  const port = Number(parts?.[2])
  if (parts === null || port < 1 || port > 65_535)
    throw invalid(`"${trimmed.slice(0, 60)}" is not a port or address:port`, 'For example 80 or 127.0.0.1:8080.')
  return { address: parts[1] ?? null, port }
}

export const listenPattern = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):)?(\d{1,5})$/

/** Addresses and networks, one per line; null where none were given, and an empty list for `none`. */
export function networks(meta: FieldMeta): Field<readonly string[] | null> {
  return field(meta, (given) => {
    const entries = readList(given)
    if (entries.length === 0) return null
    if (entries.length === 1 && entries[0] === 'none') return []
    for (const entry of entries) {
      const [address = '', bits, ...more] = entry.split('/')
      const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
      const isRight = more.length === 0 && !address.includes('%') && (bits === undefined || /^[0-9]{1,3}$/.test(bits))
      if (!isRight || most < Number(bits ?? 0))
        throw invalid(`"${entry.slice(0, 60)}" is no address or network`, 'For example 192.0.2.7 or 10.0.0.0/8.')
    }
    return entries
  })
}

/** What an app answers for, on a host that has several. */
export type Routes = readonly Route[]

/** Routes, one per line; null where none were given, and an empty list for `none`. */
export function routes(meta: FieldMeta): Field<Routes | null> {
  return field(meta, (given) => {
    const entries = readList(given)
    if (entries.length === 0) return null
    return entries.length === 1 && entries[0] === 'none' ? [] : entries.map(parseRoute)
  })
}
