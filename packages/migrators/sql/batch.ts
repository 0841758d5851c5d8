/** What earlier files of the same batch made: the old release knows nothing of it, so it may be changed at will. */
export interface MadeByBatch {
  readonly tables: Set<string>
  readonly columns: Set<string>
}

export interface Classified {
  readonly class: 'expand' | 'contract'
  readonly because: readonly string[]
}

/** Judges the statements of one migration; files of one batch are given in their order, with the same `made`. */
export type Classify = (sql: string, made: MadeByBatch) => Classified
