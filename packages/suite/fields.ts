import { Failure, asFailure, parseAssertion, parseDuration, parseRoute, parseHook, readThreshold } from '#kernel'
import type { Assertion, Hook, Route } from '#kernel'
import { z } from 'zod'

/** What documentation, action.yml and the command line's help know about an input. */
export interface FieldMeta {
  readonly description: string
  readonly default?: string
  readonly required?: boolean
  /** What the runner puts in where nothing was given, an expression such as `${{ github.token }}`. */
  readonly fromRunner?: string
  /** Its value is masked and never shown. */
  readonly secret?: boolean
}

type Field<Value> = z.ZodType<Value, string>

/** Makes an input from what it means and how its text is read. An empty text is the default; without one, a required input is missing. */
function field<Value>(meta: FieldMeta, read: (text: string) => Value): Field<Value> {
  return z
    .string()
    .transform((given, context) => {
      const text = given.trim() === '' ? (meta.default ?? '') : given
      if (text.trim() === '' && meta.required === true) {
        context.addIssue({ code: 'custom', message: 'is required', params: { code: 'INPUT_MISSING' } })
        return z.NEVER
      }
      try {
        return read(text)
      } catch (thrown) {
        const { code, message, hint } = asFailure(thrown)
        context.addIssue({ code: 'custom', message, params: { code, hint } })
        return z.NEVER
      }
    })
    .meta({ ...meta })
}

function invalid(what: string, hint?: string): Failure {
  return new Failure('INPUT_INVALID', what, hint === undefined ? {} : { hint })
}

/** A text of at most 64 KiB on one line. */
export function text(meta: FieldMeta): Field<string> {
  return field(meta, (given) => {
    const trimmed = given.trim()
    if (/[\r\n\0]/.test(trimmed)) throw invalid('must be one line')
    if (trimmed.length > 65_536) throw invalid('is longer than 64 KiB')
    return trimmed
  })
}

/** A text of several lines, such as a key. */
export function block(meta: FieldMeta): Field<string> {
  return field(meta, (given) => {
    if (given.length > 1_048_576) throw invalid('is longer than 1 MiB')
    if (given.includes('\0')) throw invalid('holds a null byte')
    return given.trim() === '' ? '' : given
  })
}

/** A name that becomes part of file, container and network names. */
export function name(meta: FieldMeta): Field<string> {
  return field(meta, (given) => {
    const trimmed = given.trim().toLowerCase()
    if (trimmed !== '' && !/^[a-z0-9][a-z0-9-]{0,40}$/.test(trimmed)) {
      throw invalid(
        `"${given.trim().slice(0, 60)}" is not a name`,
        'Use letters, digits and dashes, at most 41 characters.',
      )
    }
    return trimmed
  })
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[], meta: FieldMeta): Field<Word> {
  return field(meta, (given) => readChoice(words, given))
}

function readChoice<Word extends string>(words: readonly Word[], given: string): Word {
  const word = words.find((each) => each === given.trim())
  if (word === undefined)
    throw invalid(`"${given.trim().slice(0, 60)}" is not known`, `Choose one of: ${words.join(', ')}.`)
  return word
}

/** One of these words, or nothing. */
export function optionalChoice<const Word extends string>(words: readonly Word[], meta: FieldMeta): Field<Word | ''> {
  return field(meta, (given) => (given.trim() === '' ? '' : readChoice(words, given)))
}

/** Whole seconds of a duration, at most two years; `y` is 365 days. Null where nothing was given. */
export function seconds(meta: FieldMeta): Field<number | null> {
  return field(meta, (given) => {
    if (given.trim() === '') return null
    const ms = parseDuration(given.trim().replace(/^([0-9]+)y$/, (_, years: string) => `${Number(years) * 365}d`))
    if (ms > 730 * 86_400_000) throw invalid(`${given.trim().slice(0, 60)} is too long`, 'At most 2y.')
    return Math.floor(ms / 1000)
  })
}

/** What YAML 1.2's core schema accepts as a boolean, and nothing else. */
export function flag(meta: FieldMeta): Field<boolean> {
  return field({ default: 'false', ...meta }, (given) => {
    const word = given.trim()
    if (/^(true|True|TRUE)$/.test(word)) return true
    if (/^(false|False|FALSE)$/.test(word)) return false
    throw invalid(`"${word.slice(0, 60)}" is not a boolean`, 'Write true or false.')
  })
}

/** A whole number within bounds. */
export function whole(bounds: { min: number; max: number }, meta: FieldMeta): Field<number> {
  return field(meta, (given) => {
    const number = Number(given.trim())
    if (!/^\d+$/.test(given.trim()) || number < bounds.min || number > bounds.max) {
      throw invalid(`"${given.trim().slice(0, 60)}" is not a whole number from ${bounds.min} to ${bounds.max}`)
    }
    return number
  })
}

/** A number within bounds, without a unit. */
export function number(bounds: { min: number; max: number }, meta: FieldMeta): Field<number> {
  return field(meta, (given) => {
    const value = Number(given.trim())
    if (!/^\d+(\.\d+)?$/.test(given.trim()) || value < bounds.min || value > bounds.max) {
      throw invalid(
        `"${given.trim().slice(0, 60)}" is not a number from ${bounds.min} to ${bounds.max}`,
        'Write it without a unit.',
      )
    }
    return value
  })
}

/** A duration in milliseconds, at most `maxMs`. */
export function duration(meta: FieldMeta, maxMs = 86_400_000): Field<number> {
  return field(meta, (given) => {
    const ms = parseDuration(given)
    if (ms > maxMs) throw invalid(`${given.trim()} is too long`, `At most ${maxMs / 1000}s.`)
    return ms
  })
}

/** `next-deploy` (Infinity), or a duration in milliseconds of at most 30 days; `0` is none. */
export function keepWarm(meta: FieldMeta): Field<number> {
  return field(meta, (given) => {
    const word = given.trim()
    if (word === 'next-deploy') return Infinity
    const ms = word === '0' ? 0 : parseDuration(word)
    if (ms > 30 * 86_400_000) throw invalid(`${word} is too long`, 'At most 720h, or next-deploy.')
    return ms
  })
}

function readList(given: string): string[] {
  const trimmed = given.trim()
  if (!trimmed.startsWith('['))
    return trimmed
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '')
  let parsed: unknown
  try {
    parsed = JSON.parse(trimmed)
  } catch {
    throw invalid('starts with [ and is not a JSON array', 'Write one entry per line, or a JSON array.')
  }
  const entries = z
    .array(z.union([z.string(), z.number()]).transform(String))
    .max(1000)
    .safeParse(parsed)
  if (!entries.success) throw invalid('is not a list of texts')
  return entries.data
}

/** A list: one entry per line, or a JSON array. */
export function list(meta: FieldMeta): Field<readonly string[]> {
  return field(meta, readList)
}

/** So many, or so many of a hundred. */
export type Batch = { readonly count: number } | { readonly percent: number }

/** A number from 1 on, or a share of all, such as `25%`. */
export function batch(meta: FieldMeta): Field<Batch> {
  return field(meta, (given) => {
    const [, digits = '', percent] = /^(\d{1,4})(%?)$/.exec(given.trim()) ?? []
    const number = Number(digits)
    if (digits === '' || number < 1 || (percent === '%' && number > 100))
      throw invalid(`"${given.trim().slice(0, 60)}" is neither a number from 1 on nor a share`, 'For example 1 or 25%.')
    return percent === '%' ? { percent: number } : { count: number }
  })
}

/** Commands of the team, one per line: `PLACE: words`. */
export function hooks(meta: FieldMeta): Field<readonly Hook[]> {
  return field(meta, (given) => readList(given).map(parseHook))
}

/** Rising percentages ending in 100. Commas are welcome too. */
export function percentages(meta: FieldMeta): Field<readonly number[]> {
  return field(meta, (given) => {
    const steps = readList(given.trim().startsWith('[') ? given : given.replaceAll(',', '\n')).map((entry) =>
      Number(entry.replace(/%$/, '')),
    )
    const rises = steps.every((step, at) => Number.isInteger(step) && step > (steps[at - 1] ?? 0) && step <= 100)
    if (!rises || steps.at(-1) !== 100)
      throw invalid(
        `"${given.trim().slice(0, 60)}" are not rising percentages that end in 100`,
        'For example: 5, 25, 50, 100.',
      )
    return steps
  })
}

/** Thresholds, one per line: `p95 < 500ms`. Whether somebody measures what they name is found out by checksAreKnown. */
export function thresholds(meta: FieldMeta) {
  return field(meta, (given) => readList(given).map((text) => readThreshold(text, null)))
}

/** KEY=VALUE lines; a value may hold anything but a line end. */
export function pairs(meta: FieldMeta): Field<Readonly<Record<string, string>>> {
  return field(meta, (given) => {
    const found: Record<string, string> = {}
    for (const line of given.split(/\r?\n/)) {
      if (line.trim() === '' || line.trim().startsWith('#')) continue
      const split = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line)
      // The line itself is not shown: it may hold a secret.
      if (split?.[1] === undefined)
        throw invalid('has a line that is not KEY=VALUE', 'Names are letters, digits and underscores.')
      if (Object.hasOwn(found, split[1])) throw invalid(`names ${split[1]} twice`)
      found[split[1]] = split[2] ?? ''
    }
    return found
  })
}

/** Names of environment variables, one per line. */
export function variables(meta: FieldMeta): Field<readonly string[]> {
  return field(meta, (given) => {
    const names = readList(given)
    const wrong = names.find((each) => !/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(each))
    if (wrong !== undefined)
      throw invalid(
        `"${wrong.slice(0, 60)}" is not the name of a variable`,
        'Names are letters, digits and underscores.',
      )
    return names
  })
}

/** `Name: value` lines: headers of a request. Values are not shown: they may be secrets. */
export function headers(meta: FieldMeta): Field<Readonly<Record<string, string>>> {
  return field(meta, (given) => {
    const found: Record<string, string> = {}
    for (const line of given.split(/\r?\n/)) {
      if (line.trim() === '') continue
      // RFC 9110, 5.1 and 5.5: a name is a token, a value is visible text.
      const split = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)$/.exec(line)
      if (split?.[1] === undefined) throw invalid('has a line that is not Name: value')
      const name = split[1].toLowerCase()
      if (Object.hasOwn(found, name)) throw invalid(`names ${name} twice`)
      found[name] = (split[2] ?? '').trim()
    }
    return found
  })
}

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

/** HTTP statuses that count as good. */
export function statuses(meta: FieldMeta): Field<readonly number[]> {
  return field(meta, (given) =>
    readList(given.replaceAll(',', '\n')).map((entry) => {
      if (!/^[1-5]\d\d$/.test(entry))
        throw invalid(`"${entry.slice(0, 60)}" is not an HTTP status`, 'For example 200, 204.')
      return Number(entry)
    }),
  )
}

/** What an answer must say, one assertion per line. */
export function assertions(meta: FieldMeta): Field<readonly Assertion[]> {
  return field(meta, (given) => readList(given).map(parseAssertion))
}
