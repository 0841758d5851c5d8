import { runAction } from '#runner'
import { rollbackCommand } from './command.ts'

await runAction(rollbackCommand)
