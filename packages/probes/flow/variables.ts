import { Failure, nearestWord } from '#kernel'
import type { Flow, FlowStep, Value } from './flow.ts'

/**
 * The values a flow begins with; those of secrets as `secrets.NAME`.
 * @throws Failure FLOW_INVALID when a step needs one that neither these nor an earlier step gives.
 */
export function startingValues(
  flow: Flow,
  variables: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): Map<string, Value> {
  const values = new Map<string, Value>([
    ...Object.entries(variables),
    ...Object.entries(secrets).map(([name, value]) => [`secrets.${name}`, value] as const),
  ])
  const known = new Set(values.keys())
  const faults = flow.steps.flatMap((step, index) => {
    const missing = step.needs.filter((name) => !known.has(name))
    for (const { name } of step.captures) known.add(name)
    return missing.map(
      (name) => `${flow.path}:${step.line}: step "${step.name}" uses {{${name}}}, ${why(name, flow, index, known)}`,
    )
  })
  if (faults.length === 0) return values
  throw new Failure('FLOW_INVALID', faults.slice(0, 20).join('; '), {
    field: 'flow',
    hint: 'Give it as a variable or a secret, or capture it in an earlier step.',
  })
}

function why(name: string, { steps }: Flow, index: number, known: ReadonlySet<string>): string {
  const captures = (step: FlowStep | undefined) => step?.captures.some((each) => each.name === name) === true
  if (captures(steps[index])) return 'which this very step captures from its answer'
  const later = steps.slice(index + 1).find(captures)
  if (later !== undefined) return `which only a later step captures ("${later.name}")`
  const others = [...known].filter((each) => each !== name)
  return others.length === 0
    ? 'which nothing gives'
    : `which nothing gives; did you mean {{${nearestWord(name, others)}}}?`
}
