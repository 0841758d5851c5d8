import { asFailure } from '#kernel'
import type { Failure } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'

export type Command = (session: ActionSession) => Promise<ActionResult>

/** A session that gives these inputs and hears nothing. */
export function sessionOf(
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>>,
): ActionSession {
  return {
    given: (name) => inputs[name] ?? '',
    signal: AbortSignal.timeout(20_000),
    stage: 'main',
    tell: () => undefined,
    transcript: { open: () => undefined, write: () => undefined, close: () => undefined },
    mask: () => undefined,
    keep: () => undefined,
    kept: () => '',
    environment,
  }
}

/** How a command fails with these inputs; null where it does not. */
export async function failureOf(
  command: Command,
  inputs: Readonly<Record<string, string>>,
  workspace: string,
): Promise<Failure | null> {
  try {
    const result = await command(sessionOf(inputs, { GITHUB_WORKSPACE: workspace, GITHUB_REPOSITORY: 'acme/shop' }))
    return result.failure ?? null
  } catch (thrown) {
    return asFailure(thrown)
  }
}
