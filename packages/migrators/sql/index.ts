import type { Classify } from './batch.ts'
import { classifySqlite } from './sqlite.ts'

/** How the SQL of each database is judged. */
export const classifiers: Readonly<Record<string, Classify>> = { sqlite: classifySqlite }
