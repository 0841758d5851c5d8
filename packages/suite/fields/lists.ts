import { parseAssertion, parseHook, readThreshold } from '#kernel'
import type { Assertion, Hook } from '#kernel'
import { field, invalid, readList } from './field.ts'
import type { Field, FieldMeta } from './field.ts'

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
