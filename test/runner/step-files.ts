import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { parseCommandFile, parsePathFile } from './command-file.ts'

const SUMMARY_BYTES = 1024 * 1024
const kinds = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY'] as const

/** What a step left in its command files. */
export interface StepFilesRead {
  readonly outputs: ReadonlyMap<string, string>
  readonly state: ReadonlyMap<string, string>
  readonly env: ReadonlyMap<string, string>
  readonly paths: readonly string[]
  readonly summary: string
  /** What would make the runner fail the step. */
  readonly problems: readonly string[]
  readonly summaryTooLarge: boolean
}

/** The empty files of one step, and their reading after it. */
export class StepFiles {
  readonly #folder: string
  readonly #id = randomUUID()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the files; gives the variables that name them. */
  async make(): Promise<Record<string, string>> {
    await mkdir(this.#folder, { recursive: true })
    for (const kind of kinds) await writeFile(this.#path(kind), '')
    return Object.fromEntries(kinds.map((kind) => [`GITHUB_${kind}`, this.#path(kind)]))
  }

  /** Reads and deletes them. A file with an error gives nothing, and a problem. */
  async read(): Promise<StepFilesRead> {
    const problems: string[] = []
    const values = async (kind: (typeof kinds)[number]): Promise<Map<string, string>> => {
      try {
        return parseCommandFile(await this.#text(kind))
      } catch (error) {
        problems.push(`Unable to process file command '${kind.toLowerCase()}' successfully. ${String(error)}`)
        return new Map()
      }
    }
    const env = await values('ENV')
    if (env.delete('NODE_OPTIONS'))
      problems.push("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
    const summary = await this.#text('STEP_SUMMARY')
    const summaryTooLarge = Buffer.byteLength(summary) > SUMMARY_BYTES
    const read = {
      outputs: await values('OUTPUT'),
      state: await values('STATE'),
      env,
      paths: parsePathFile(await this.#text('PATH')),
      summary: summaryTooLarge ? '' : summary,
      problems,
      summaryTooLarge,
    }
    for (const kind of kinds) await rm(this.#path(kind), { force: true })
    return read
  }

  #path(kind: string): string {
    return join(this.#folder, `${kind.toLowerCase()}_${this.#id}`)
  }

  async #text(kind: string): Promise<string> {
    return readFile(this.#path(kind), 'utf8').catch(() => '')
  }
}
