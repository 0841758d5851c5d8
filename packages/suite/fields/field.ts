import { Failure, asFailure } from '#kernel'
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

export type Field<Value> = z.ZodType<Value, string>

/** Makes an input from what it means and how its text is read. An empty text is the default; without one, a required input is missing. */
export function field<Value>(meta: FieldMeta, read: (text: string) => Value): Field<Value> {
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

export function invalid(what: string, hint?: string): Failure {
  return new Failure('INPUT_INVALID', what, hint === undefined ? {} : { hint })
}

export function readList(given: string): string[] {
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
