import { runAction } from '#runner'
import { buildCommand } from './command.ts'

await runAction(buildCommand)
