import { runAction } from '#runner'
import { readSettings } from '#suite'
import { action } from './inputs.ts'

await runAction(async (session) => {
  const settings = await readSettings(action, session)
  // What a wrong input does not need is not loaded for it.
  const { buildCommand } = await import('./command.ts')
  return buildCommand(session, settings)
})
