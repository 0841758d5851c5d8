/** One thing that must be true of the repository. */
export interface Check {
  readonly name: string
  /** Gives one line per problem, each beginning with the file it is about; an empty list when all is well. */
  readonly run: () => Promise<readonly string[]>
}
