import { createHash } from 'node:crypto'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#kernel'
import type { MigrationFile } from '#kernel'
import { statementsOf } from '../sql/statements.ts'
import type { Classify, MadeByBatch } from '../sql/batch.ts'

const limits = { files: 20_000, bytes: 16 * 1024 * 1024 }

/** Same as dbmate's own pattern (pkg/dbmate, 2.36): the digits are the version. */
const pattern = /^(\d+).*\.sql$/

/** The version in a file's name; null when dbmate would not look at it. */
export function versionOf(name: string): string | null {
  return pattern.exec(name)?.[1] ?? null
}

/** One parsed file; `up` and `down` hold the SQL of the sections. */
interface Sections {
  readonly up: string
  readonly down: string
  readonly transaction: boolean
}

/**
 * Reads a folder of dbmate migrations. `applied` are the versions that are no longer pending: the others are one batch, and are
 * classified together.
 * @throws Failure INPUT_INVALID (no folder, a file without `-- migrate:up`), MIGRATION_HISTORY (one version twice).
 */
export async function readMigrations(
  folder: string,
  applied: readonly string[],
  classify: Classify,
): Promise<{ readonly files: readonly MigrationFile[]; readonly ignored: readonly string[] }> {
  const names = await namesIn(folder)
  const made: MadeByBatch = { tables: new Set(), columns: new Set() }
  const files: MigrationFile[] = []

  for (const name of names) {
    const version = versionOf(name)
    if (version === null) continue
    const twin = files.find((file) => file.version === version)
    if (twin) {
      throw new Failure('MIGRATION_HISTORY', `${twin.name} and ${name} have the same version ${version}`, {
        field: 'migrations',
        hint: 'Rename the newer one; dbmate would apply one of them and never the other.',
      })
    }
    const sections = parseMigration(await readBounded(join(folder, name)), name)
    const { class: kind, because } = applied.includes(version)
      ? { class: 'expand' as const, because: [] }
      : classify(sections.up, made)
    files.push({
      version,
      name,
      sha256: createHash('sha256').update(sections.up).digest('hex'),
      transaction: sections.transaction,
      reversible: statementsOf(sections.down).length > 0,
      class: kind,
      because: because.map((why) => `${name}: ${why}`),
    })
  }
  return { files, ignored: names.filter((name) => name.endsWith('.sql') && versionOf(name) === null).slice(0, 20) }
}

/** The sections of a file. @throws Failure INPUT_INVALID naming the file. */
export function parseMigration(text: string, name: string): Sections {
  const wrong = (why: string) =>
    new Failure('INPUT_INVALID', `migration ${name}: ${why}`, {
      field: 'migrations',
      hint: 'A migration begins with the line "-- migrate:up" and goes on after its SQL with "-- migrate:down".',
    })
  const marks = [...text.matchAll(/^--[ \t]*migrate:(up|down)\b([^\n]*)$/gm)]
  const [up, down, ...more] = marks
  if (up?.[1] !== 'up')
    throw wrong(marks.length === 0 ? 'it has no "-- migrate:up"' : '"-- migrate:down" stands before "-- migrate:up"')
  if (more.length > 0 || down?.[1] === 'up') throw wrong('a section stands there twice')
  if (!down) throw wrong('it has no "-- migrate:down", which dbmate demands; it may be empty')
  if (statementsOf(text.slice(0, up.index)).length > 0) throw wrong('there is SQL before "-- migrate:up"')
  const upFrom = up.index + up[0].length
  return {
    up: text.slice(upFrom, down.index).trim(),
    down: text.slice(down.index + down[0].length).trim(),
    transaction: !/\btransaction:false\b/.test(up[2] ?? ''),
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new Failure(
      'INPUT_INVALID',
      `the migrations folder ${folder} cannot be read: ${cause.code ?? cause.message}`,
      {
        field: 'migrations',
        hint: 'Give the folder that holds the .sql files; is the repository checked out?',
        cause,
      },
    )
  })
  if (names.length > limits.files) throw tooMuch(`${folder} holds more than ${limits.files} files`)
  return names.sort()
}

async function readBounded(path: string): Promise<string> {
  const { size } = await stat(path)
  if (size > limits.bytes) throw tooMuch(`${path} is larger than ${limits.bytes} bytes`)
  return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
}

function tooMuch(what: string): Failure {
  return new Failure('INPUT_INVALID', what, { field: 'migrations', hint: 'Is this the folder of migrations?' })
}
