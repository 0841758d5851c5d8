import { runAction } from '#runner'
import { deployCommand } from './command.ts'

await runAction(deployCommand)
