import type { Command } from './command.ts'

/** Does the old release survive the change? `expand`: yes. `contract`: no, or it cannot be told. */
export type MigrationClass = 'none' | 'expand' | 'contract'

/** One migration as its file describes it. */
export interface MigrationFile {
  readonly version: string
  readonly name: string
  /** Digest of what is applied (the up section), lower-case hex. */
  readonly sha256: string
  /** Does the tool run it in one transaction? Without one, a failure can leave half of it. */
  readonly transaction: boolean
  /** Has it a way back of its own? */
  readonly reversible: boolean
  readonly class: 'expand' | 'contract'
  /** The statements that decided the class. */
  readonly because: readonly string[]
}

/** What the database says was applied, beside what the files say there is. */
export interface MigrationStatus {
  /** Versions in the order of the tool. */
  readonly applied: readonly string[]
  readonly files: readonly MigrationFile[]
  /** Files in the folder that the tool will not look at. */
  readonly ignored: readonly string[]
}

/** A database as a tool reaches it: its URL (may hold a password), and what every command on it is wrapped in. */
export interface DatabaseAt {
  readonly url: string
  /** Folder for short-lived files of the tool; the next holder of the lock empties it. */
  readonly scratch: string
  /** Makes the command hold the database's lock for as long as it lives, even when its parent is killed. */
  guard(command: Command): Command
}

/** A migration tool. It is run where its Shell runs; it never judges itself: the history is read back by the caller. */
export interface Migrator {
  readonly tool: string
  /** SELECT only; a database that is not there has no history. @throws Failure MIGRATION_HISTORY when the files contradict each other. */
  status(at: DatabaseAt): Promise<MigrationStatus>
  /** Applies these versions and no other. @throws Failure MIGRATION_FAILED, DATABASE_BUSY and what the Shell throws. */
  apply(at: DatabaseAt, batch: readonly string[], signal?: AbortSignal): Promise<void>
  /** Takes back these versions, newest first, each checked in the history. @throws Failure MIGRATION_HISTORY, MIGRATION_FAILED. */
  revert(at: DatabaseAt, batch: readonly string[], signal?: AbortSignal): Promise<void>
}

/** What a database holds, small enough to compare. The table of the migration tool is left out. */
export interface Fingerprint {
  /** Digest of the schema, white space aside. */
  readonly schema: string
  /** Digest of every row; null where the database is too large for that: then only the counts speak. */
  readonly content: string | null
  readonly tables: number
  readonly rows: number
}

/** A proven copy: it was opened, checked and compared with the source as it was at that moment. */
export interface Backup {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
  readonly tookMs: number
  readonly fingerprint: Fingerprint
}

/** What a run is about to do to a database; kept beside it, so that the next run knows what a killed one was doing. */
export interface MigrationIntent {
  readonly batch: string
  readonly owner: string
  /** ISO 8601. */
  readonly at: string
  readonly before: readonly string[]
  readonly expected: readonly string[]
  readonly class: MigrationClass
  readonly lossless: boolean
  readonly backup: Backup | null
}

/** What is remembered beside a database between runs. */
export interface DatabaseNotes {
  readonly intent: MigrationIntent | null
  /** Digest of the up section of each version that we applied: how an edited file is found. */
  readonly checksums: Readonly<Record<string, string>>
}

/** The right to change a database. Gone with the process that holds it; commands under `guard` keep the next holder waiting. */
export interface DatabaseLock extends DatabaseAt {
  /** As the last holder left them. */
  readonly notes: DatabaseNotes
  remember(notes: DatabaseNotes): Promise<void>
  /** Waits until no guarded command of anyone runs any more. @throws Failure DATABASE_BUSY at the deadline of the lock. */
  settled(): Promise<void>
  release(): Promise<void>
}

/** A scratch database with the content of a backup. */
export interface DatabaseClone extends DatabaseAt {
  remove(): Promise<void>
}

/** One database, named when it was made. */
export interface Database {
  /** Its URL without a password, for people and records. */
  readonly shown: string
  /** @throws Failure DATABASE_BUSY naming the holder; HOST_NOT_READY when the place cannot be written. */
  lock(owner: string, deadlineMs: number, signal?: AbortSignal): Promise<DatabaseLock>
  /** Copies it while it is in use, and proves the copy. @throws Failure BACKUP_FAILED; the database is unchanged. */
  backup(): Promise<Backup>
  /** Puts a backup's content back in one transaction; users stay connected. @throws Failure BACKUP_FAILED, DATABASE_BUSY. */
  restore(backup: Pick<Backup, 'path' | 'sha256'>): Promise<void>
  /** A scratch database from a backup; from null an empty one. */
  clone(backup: Pick<Backup, 'path' | 'sha256'> | null): Promise<DatabaseClone>
  /** What is in it (or in a clone) now; null when there is no database yet. */
  fingerprint(at?: DatabaseAt): Promise<Fingerprint | null>
  /** Who has it open, for people, as far as this place can see. */
  sessions(): Promise<readonly string[]>
}

/** Reads one column of a table; null when there is no such database or table. Never writes. */
export type ReadColumn = (url: string, table: string, column: string) => Promise<readonly string[] | null>
