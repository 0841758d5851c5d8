import { Failure } from '#kernel'
import type { DatabaseNotes, MigrationClass, MigrationFile, MigrationStatus } from '#kernel'

const limit = 5000

export interface Preflight {
  readonly applied: readonly string[]
  readonly pending: readonly MigrationFile[]
  readonly class: MigrationClass
  readonly because: readonly string[]
  /** Not in the way, but worth a warning. */
  readonly warnings: readonly string[]
}

/**
 * Compares files and history before anything is done. `force` accepts edited and missing files; nothing accepts a pending
 * migration older than an applied one, which tools skip or apply out of turn.
 * @throws Failure MIGRATION_HISTORY, INPUT_INVALID.
 */
export function preflight(status: MigrationStatus, checksums: DatabaseNotes['checksums'], force: boolean): Preflight {
  const { applied, files, ignored } = status
  const newest = applied.toSorted().at(-1) ?? ''
  const pending = files.filter(({ version }) => !applied.includes(version))
  const late = pending.filter(({ version }) => version < newest)
  const edited = files.filter(
    ({ version, sha256 }) => applied.includes(version) && (checksums[version] ?? sha256) !== sha256,
  )
  const missing = applied.filter((version) => !files.some((file) => file.version === version))

  if (files.length === 0 && applied.length > 0)
    throw history('the migrations folder is empty, but migrations were applied', 'Is it the right folder?')
  if (pending.length > limit)
    throw history(`${pending.length} migrations are pending`, `At most ${limit} are applied at once.`)
  if (late.length > 0) {
    throw history(
      `${named(late.map(({ name }) => name))} not applied, but older than ${newest}, which is`,
      'Give the late migration a newer version, above all that were applied.',
    )
  }
  if (edited.length > 0 && !force) {
    throw history(
      `edited after being applied: ${named(edited.map(({ name }) => name))}`,
      'Restore the file and write a new migration, or accept it with force: true and a reason.',
    )
  }
  if (missing.length > 0 && pending.length > 0 && !force) {
    throw history(
      `applied, but without a file: ${named(missing)}`,
      'Is this checkout older than the database? Merge first, or accept it with force: true and a reason.',
    )
  }
  return {
    applied,
    pending,
    ...classOf(pending),
    warnings: [
      ...(missing.length > 0
        ? [`the database is ahead of this checkout: ${named(missing)} applied, but without a file`]
        : []),
      ...(edited.length > 0
        ? [`edited after being applied, accepted by force: ${named(edited.map(({ name }) => name))}`]
        : []),
      ...(ignored.length > 0 ? [`not migrations by their name, never applied: ${named(ignored)}`] : []),
      ...(files.length === 0 ? ['the migrations folder holds no migration'] : []),
      ...pending
        .filter((file) => !file.transaction)
        .map(({ name }) => `${name} runs without a transaction: a failure can leave half of it`),
    ],
  }
}

/** The worst class among the files, and what decided it. */
function classOf(files: readonly MigrationFile[]): {
  readonly class: MigrationClass
  readonly because: readonly string[]
} {
  if (files.length === 0) return { class: 'none', because: [] }
  const because = files.flatMap((file) => file.because)
  return {
    class: files.some((file) => file.class === 'contract') ? 'contract' : 'expand',
    because: because.slice(0, 10),
  }
}

function history(what: string, hint: string): Failure {
  return new Failure('MIGRATION_HISTORY', `${what}. The database was not changed.`, { field: 'migrations', hint })
}

function named(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}

/** Versions of what is pending. */
export function batchOf(found: Preflight): readonly string[] {
  return found.pending.map(({ version }) => version)
}
