import { Failure } from '#kernel'
import type { Secrets, Service } from '#kernel'
import type { Config } from './config.ts'

export interface Required {
  /** Of every service. */
  readonly requires: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly secrets: Secrets
}

/**
 * Does every service get what it must have? A variable that is empty counts as missing: that is what a secret is that nobody set.
 * @throws Failure INPUT_MISSING, naming all that are missing
 */
export function refuseMissing(
  services: readonly Pick<Service, 'name' | 'env'>[],
  { requires, env, secrets }: Required,
  config: Config,
): void {
  const missing = services.flatMap(({ name, env: own }) => {
    const given = { ...env, ...own, ...secrets }
    const needs = (variable: string) => (Object.hasOwn(given, variable) ? given[variable] : undefined) ?? ''
    const isMissing = (variable: string) => needs(variable) === ''
    const asked = (config.services ?? {})[name]?.requires ?? []
    return [
      ...requires.filter(isMissing).map((variable) => ({ variable, service: '' })),
      ...asked
        .filter((each) => !requires.includes(each) && isMissing(each))
        .map((variable) => ({ variable, service: name })),
    ]
  })
  if (missing.length === 0) return
  const named = missing.map(({ variable, service }) => (service === '' ? variable : `${variable} (${service})`))
  throw new Failure('INPUT_MISSING', `variables are required and missing or empty: ${[...new Set(named)].join(', ')}`, {
    field: 'requires',
    hint: 'Give them in env or secrets, one KEY=VALUE a line. A secret that was never set arrives empty.',
  })
}
