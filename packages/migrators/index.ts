import type { Migrator, ReadColumn, Shell } from '#kernel'
import { dbmateMigrator } from './dbmate/dbmate.ts'

/** What a migrator is made from. */
export interface MigratorContext {
  /** Where the tool runs. */
  readonly shell: Shell
  /** Absolute path of the migrations. */
  readonly folder: string
  /** Absolute path of the project, whose lockfile chose the tool. */
  readonly project: string
  /** Name of the database in the registry of databases. */
  readonly dialect: string
  readonly readColumn: ReadColumn
  readonly historyTable: string
  /** Path of the tool; empty: it is looked for. */
  readonly program: string
  /** May the pinned tool be fetched when there is none? */
  readonly mayFetch: boolean
  readonly timeoutMs: number
}

/** One migration tool. Adding one is a file and a line here. */
export interface MigratorEntry {
  readonly create: (context: MigratorContext) => Migrator
  /** The tool's own name for its history table. */
  readonly historyTable: string
}

export const migrators: Readonly<Record<string, MigratorEntry>> = {
  dbmate: { create: dbmateMigrator, historyTable: 'schema_migrations' },
}
