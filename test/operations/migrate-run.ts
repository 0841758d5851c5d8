import { migrate } from '../../packages/operations/migrate.ts'
import { revertMigration } from '../../packages/operations/migrate-back.ts'
import { migrationRecordSchema } from '../../packages/operations/migrate-record.ts'
import { order, portsFor } from '../migrators/workshop.ts'

// A run in a process of its own, to be killed. Prints `begin`, what happens, and the record; with a record as third word, that
// batch is reverted.
const [url = '', migrations = '', record] = process.argv.slice(2)
const say = (text: string) => process.stdout.write(`${text}\n`)
const ports = portsFor(url, migrations, { tell: (event) => 'text' in event && say(event.text) })
say('begin')

if (record === undefined) {
  const result = await migrate(order({ lockMs: 20_000, owner: `process ${process.pid}` }), ports)
  say(JSON.stringify(result.record))
  if (result.failure) throw result.failure
} else {
  const done = await revertMigration(
    migrationRecordSchema.parse(JSON.parse(record)),
    { owner: 'revert', lockMs: 20_000 },
    ports,
  )
  say(JSON.stringify(done))
}
