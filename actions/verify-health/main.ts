import { runAction } from '#runner'
import { verifyCommand } from './command.ts'

await runAction(verifyCommand)
