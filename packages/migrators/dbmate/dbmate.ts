import { Failure } from '#kernel'
import type { Command, CommandResult, DatabaseAt, Migrator } from '#kernel'
import type { MigratorContext } from '../index.ts'
import { classifiers } from '../sql/index.ts'
import { withBatch } from './batch.ts'
import { readMigrations } from './files.ts'
import { findDbmate } from './find.ts'

/** Plain SQL files, applied by the real dbmate. Status never runs it: the history table and the files are read and compared. */
export function dbmateMigrator(context: MigratorContext): Migrator {
  const { historyTable, shell } = context
  const classify = classifiers[context.dialect]
  if (!classify) {
    throw new Failure('INPUT_CONFLICT', `tool dbmate cannot be used with ${context.dialect}`, {
      field: 'tool',
      hint: `It is supported for: ${Object.keys(classifiers).join(', ')}.`,
    })
  }
  let program: Promise<string> | undefined

  const applied = async (at: DatabaseAt) => (await context.readColumn(at.url, historyTable, 'version')) ?? []

  const run = async (at: DatabaseAt, folder: string, words: readonly string[], signal: AbortSignal | undefined) => {
    signal?.throwIfAborted()
    const found = await (program ??= findDbmate(context))
    const command = at.guard(dbmateCommand(found, { ...context, folder }, at.url, words))
    const result = await shell.run({ ...command, okCodes: [0, 1, 2] }, signal)
    if (result.exitCode !== 0) throw explain(result)
  }

  return {
    tool: 'dbmate',
    status: async (at) => {
      const done = await applied(at)
      return { applied: done, ...(await readMigrations(context.folder, done, classify)) }
    },
    apply: (at, batch, signal) =>
      withBatch(at, context.folder, batch, (only) => run(at, only, ['migrate', '--strict'], signal)),
    revert: async (at, batch, signal) => {
      for (const version of batch.toSorted().reverse()) {
        const newest = (await applied(at)).toSorted().at(-1)
        if (newest !== version) throw outOfTurn(version, newest)
        await withBatch(at, context.folder, [version], (only) => run(at, only, ['rollback'], signal))
        if ((await applied(at)).includes(version)) {
          throw new Failure('MIGRATION_HISTORY', `dbmate did not take ${version} back`, {
            hint: 'Look at the history table.',
          })
        }
      }
    },
  }
}

/**
 * `migrate`, never `up`: that one makes databases. The URL goes by the environment, since others read command lines. A `.env`
 * beside the project and DBMATE_ variables of the job must not redirect it.
 */
export function dbmateCommand(
  program: string,
  context: Pick<MigratorContext, 'folder' | 'historyTable' | 'timeoutMs'>,
  url: string,
  words: readonly string[],
): Command {
  const { folder, historyTable, timeoutMs } = context
  const options = [
    '--no-dump-schema',
    '--migrations-dir',
    folder,
    '--migrations-table',
    historyTable,
    '--env-file',
    '/dev/null',
  ]
  const cleared = [
    'DRIVER',
    'MIGRATIONS_DIR',
    'MIGRATIONS_TABLE',
    'SCHEMA_FILE',
    'STRICT',
    'VERBOSE',
    'WAIT',
    'NO_DUMP_SCHEMA',
  ]
  return {
    argv: [program, '--env', 'SWITCHYARD_DATABASE_URL', ...options, ...words],
    env: { SWITCHYARD_DATABASE_URL: url, ...Object.fromEntries(cleared.map((name) => [`DBMATE_${name}`, undefined])) },
    timeoutMs,
  }
}

function explain({ stderr, stdout, exitCode }: CommandResult): Failure {
  const said = /^Error: ([\s\S]{1,2000})/m.exec(stderr)?.[1]?.trim() ?? `exit code ${exitCode}: ${stderr.slice(-1000)}`
  const cause = new Error(`${stdout.slice(-4000)}\n${stderr.slice(-4000)}`.trim())
  return /database (table )?is locked|SQLITE_BUSY/i.test(said)
    ? new Failure('DATABASE_BUSY', `dbmate: ${said}`, {
        cause,
        hint: 'Another program held the database for too long; run again.',
      })
    : new Failure('MIGRATION_FAILED', `dbmate: ${said}`, { cause, hint: 'Mend the migration and run again.' })
}

function outOfTurn(version: string, newest: string | undefined): Failure {
  return new Failure(
    'MIGRATION_HISTORY',
    `${version} is not the newest applied migration (that is ${newest ?? 'none'})`,
    {
      hint: 'Someone migrated since; only the newest batch can be taken back.',
    },
  )
}
