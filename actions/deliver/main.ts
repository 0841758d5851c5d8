import { runAction } from '#runner'
import { deliverCommand } from './command.ts'

await runAction(deliverCommand)
