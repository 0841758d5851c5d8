import { Failure } from '#kernel'
import type { FailureCode } from '#kernel'
import type { z } from 'zod'
import type { FieldMeta } from './fields/index.ts'

/** One action: the only source of its action.yml, its README tables, its command-line flags and its typed inputs. */
export interface ActionDefinition<Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputs: z.ZodObject<Shape>
  readonly outputs: Readonly<Record<string, string>>
  readonly post: boolean
  readonly branding: { readonly icon: string; readonly color: string }
  /** Contradictions between inputs; each a failure that names a field. */
  readonly conflicts?: (inputs: z.output<z.ZodObject<Shape>>) => readonly Failure[]
}

export function defineAction<Shape extends z.ZodRawShape>(
  definition: ActionDefinition<Shape>,
): ActionDefinition<Shape> {
  return definition
}

/** What is known about each input, in the order of its definition. */
export function fieldsOf(definition: {
  readonly inputs: z.ZodObject
}): readonly (FieldMeta & { readonly name: string })[] {
  return Object.entries(definition.inputs.shape).map(([name, schema]) => ({
    name,
    ...((schema as z.ZodType).meta() as FieldMeta),
  }))
}

/**
 * The typed inputs, from texts by name; an absent text is the default.
 * @throws Failure with all errors at once, each naming its field; its code is that of the first.
 */
export function readInputs<Shape extends z.ZodRawShape>(
  definition: ActionDefinition<Shape>,
  given: (name: string) => string,
): z.output<z.ZodObject<Shape>> {
  const texts = Object.fromEntries(Object.keys(definition.inputs.shape).map((name) => [name, given(name)]))
  const parsed = definition.inputs.safeParse(texts)
  if (!parsed.success) throw together(parsed.error.issues.map(failureOf))
  const conflicts = definition.conflicts?.(parsed.data) ?? []
  if (conflicts.length > 0) throw together(conflicts)
  return parsed.data
}

function failureOf(issue: z.core.$ZodIssue): Failure {
  const field = issue.path.join('.')
  const params =
    issue.code === 'custom' ? (issue.params as { code?: FailureCode; hint?: string } | undefined) : undefined
  const hint = params?.hint
  return new Failure(params?.code ?? 'INPUT_INVALID', `${field} ${issue.message}`, {
    field,
    ...(hint === undefined ? {} : { hint }),
  })
}

function together(failures: readonly Failure[]): Failure {
  const [first] = failures
  if (first === undefined) throw new Failure('INTERNAL', 'an input is wrong but nothing says why')
  if (failures.length === 1) return first
  const hints = [...new Set(failures.flatMap((failure) => failure.hint ?? []))].join(' ')
  return new Failure(first.code, failures.map((failure) => failure.message).join('; '), {
    field: failures.flatMap((failure) => failure.field ?? []).join(', '),
    ...(hints === '' ? {} : { hint: hints }),
  })
}
