import { parseDuration } from '#kernel'
import { field, invalid } from './field.ts'
import type { Field, FieldMeta } from './field.ts'

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

/** A text in PEM that holds one of these; which one, and whether it fits, is found out where it is used. */
export function pem(kind: 'CERTIFICATE' | 'PRIVATE KEY', meta: FieldMeta): Field<string> {
  return field(meta, (given) => {
    if (given.length > 1_048_576) throw invalid('is longer than 1 MiB')
    if (given.trim() === '') return ''
    const isThere = new RegExp(`^-----BEGIN (?:RSA |EC )?${kind}-----\\r?$`, 'm').test(given)
    if (!isThere) throw invalid(`is no ${kind.toLowerCase()} in PEM`, `It holds a line -----BEGIN ${kind}-----.`)
    return given
  })
}

/** An address that mail goes to. */
export function email(meta: FieldMeta): Field<string> {
  return field(meta, (given) => {
    const trimmed = given.trim()
    if (trimmed !== '' && !/^[^\s@<>,"]{1,64}@[A-Za-z0-9.-]{1,255}$/.test(trimmed)) throw invalid('is no mail address')
    return trimmed
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

/** A duration in milliseconds between a second and `maxMs`; null where nothing was given. */
export function optionalDuration(meta: FieldMeta, maxMs: number): Field<number | null> {
  return field(meta, (given) => {
    if (given.trim() === '') return null
    const ms = parseDuration(given)
    if (ms < 1_000 || ms > maxMs) throw invalid(`${given.trim().slice(0, 60)} is not between 1s and ${maxMs / 1000}s`)
    return ms
  })
}

const sizeUnits: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Bytes of a size such as `10m`; 0 for `-`, which is none; null where nothing was given. */
export function size(meta: FieldMeta): Field<number | null> {
  return field(meta, (given) => {
    const word = given.trim().toLowerCase()
    if (word === '' || word === '-') return word === '' ? null : 0
    const [, digits = '', unit = ''] = /^([1-9][0-9]{0,5})([kmg])$/.exec(word) ?? []
    if (unit === '')
      throw invalid(`"${word.slice(0, 60)}" is not a size`, 'For example 512k, 10m or 1g; `-` for no limit.')
    return Number(digits) * (sizeUnits[unit] ?? 1)
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
