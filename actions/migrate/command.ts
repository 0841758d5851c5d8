import { asFailure } from '#kernel'
import { summarise } from '#github'
import { migrate, migrationRecordSchema, revertMigration } from '#operations'
import { systemClock } from '#runner'
import type { ActionResult, ActionSession } from '#runner'
import { maskUrl, ownerOf, parseJson, recorder } from '#suite'
import type { Settings } from '#suite'
import { databaseLockMs, newBatch, openDatabase } from '#suite/data'
import type { Inputs } from './inputs.ts'

/** Migrates with a proven way back. A run that was killed is finished by the next one, which reads the database's history. */
export async function migrateCommand(session: ActionSession, settings: Settings<Inputs>): Promise<ActionResult> {
  if (session.stage === 'post') return { outputs: {} }
  const { inputs, workspace } = settings
  maskUrl(inputs['database-url'], session.mask)
  const { events, tell } = recorder(session)
  const ports = openDatabase(
    {
      tool: inputs.tool,
      databaseUrl: inputs['database-url'],
      migrations: inputs.migrations,
      backups: inputs['backup-dir'],
      workspace,
    },
    { clock: systemClock, listener: { tell } },
  )
  const title = `Migrate ${ports.database.shown}`
  const owner = ownerOf(session)
  try {
    if (inputs.mode === 'revert') {
      const record = migrationRecordSchema.parse(parseJson(inputs.migration, 'migration'))
      const done = await revertMigration(record, { owner, lockMs: databaseLockMs }, ports, session.signal)
      const headline = `✅ ${done.reason}`
      return {
        outputs: { verdict: 'pass', migration: JSON.stringify({ ...record, outcome: 'reverted', applied: [] }) },
        summary: summaryOf(title, headline, [], events, ''),
      }
    }
    const { backup, reason, mode } = inputs
    const order = { mode, backup, reason, force: false, owner, batch: newBatch(), lockMs: databaseLockMs }
    const { record, failure } = await migrate(order, ports, session.signal)
    const rows = [
      ['applied', record.applied.join(', ') || 'nothing'],
      ['class', record.class],
      ['way back', `${record.undo}: ${record.reason}`],
      ['backup', record.backup === null ? 'none' : `${record.backup.path} (${record.backup.bytes} bytes)`],
    ] as const
    const headline = failure === null ? `✅ ${record.outcome}` : `❌ [${failure.code}] ${failure.message}`
    return {
      outputs: { verdict: failure === null ? 'pass' : 'fail', migration: JSON.stringify(record) },
      summary: summaryOf(title, headline, rows, events, failure?.hint ?? ''),
      ...(failure === null ? {} : { failure }),
    }
  } catch (thrown) {
    const failure = asFailure(thrown)
    return {
      outputs: { verdict: 'fail' },
      summary: summaryOf(title, `❌ [${failure.code}] ${failure.message}`, [], events, failure.hint ?? ''),
      failure,
    }
  }
}

function summaryOf(
  title: string,
  headline: string,
  rows: Parameters<typeof summarise>[0]['rows'],
  events: Parameters<typeof summarise>[0]['events'],
  next: string,
): string {
  return summarise({ title, headline, release: null, previous: null, rows, events, next })
}
