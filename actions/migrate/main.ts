import { runAction } from '#runner'
import { migrateCommand } from './command.ts'

await runAction(migrateCommand)
