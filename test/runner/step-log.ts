import type { Masker } from './masker.ts'
import { parseWorkflowCommand } from './workflow-command.ts'

/** What the runner keeps of an `::error::`, `::warning::` or `::notice::`. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly message: string
  readonly title?: string
  readonly file?: string
  readonly line?: string
}

const ANNOTATIONS_KEPT = 10
const ANNOTATION_CHARACTERS = 4096
const LOG_BYTES = 16 * 1024 * 1024
const levels = ['error', 'warning', 'notice'] as const
const oldCommands = ['set-output', 'save-state', 'set-env', 'add-path']

/** Reads what a step prints, line by line, as the runner does: runs its commands, masks the rest, keeps annotations. */
export class StepLog {
  readonly #masker: Masker
  readonly #lines: string[] = []
  readonly #annotations: Annotation[] = []
  readonly #leaks: string[] = []
  readonly #problems: string[] = []
  #bytes = 0
  #annotationsDropped = 0
  #resumeToken: string | undefined

  constructor(masker: Masker) {
    this.#masker = masker
  }

  /** Takes one line of stdout or stderr; gives the line as the runner shows it, or nothing for a command that is not shown. */
  take(line: string): string | undefined {
    const command = parseWorkflowCommand(line)
    if (this.#resumeToken !== undefined) {
      if (command?.name === this.#resumeToken) this.#resumeToken = undefined
      return this.#show(line)
    }
    if (command?.name === 'add-mask') {
      if (!this.#masker.add(command.message)) this.#problems.push('::add-mask:: of an empty value')
      return undefined
    }
    if (command?.name === 'stop-commands') {
      this.#resumeToken = command.message.toLowerCase()
      return this.#show(line)
    }
    const level = levels.find((name) => name === command?.name)
    if (command && level) this.#annotate({ level, message: command.message, ...pick(command.properties) })
    if (command && oldCommands.includes(command.name))
      this.#problems.push(`::${command.name}:: is switched off; use the file`)
    return this.#show(line)
  }

  annotate(annotation: Annotation): void {
    this.#annotate(annotation)
  }

  get log(): string {
    return this.#lines.join('\n')
  }

  get annotations(): readonly Annotation[] {
    return this.#annotations
  }

  get annotationsDropped(): number {
    return this.#annotationsDropped
  }

  /** Lines that showed a secret after it had been masked, as the runner would show them. */
  get leaks(): readonly string[] {
    return this.#leaks
  }

  get problems(): readonly string[] {
    return this.#problems
  }

  #show(line: string): string {
    const shown = this.#masker.mask(line)
    if (this.#masker.shows(line)) this.#leaks.push(shown)
    this.#bytes += shown.length
    if (this.#bytes <= LOG_BYTES) this.#lines.push(shown)
    return shown
  }

  #annotate(annotation: Annotation): void {
    const kept = this.#annotations.filter(({ level }) => level === annotation.level).length
    if (kept >= ANNOTATIONS_KEPT) this.#annotationsDropped += 1
    else
      this.#annotations.push({
        ...annotation,
        message: this.#masker.mask(annotation.message).slice(0, ANNOTATION_CHARACTERS),
      })
  }
}

function pick({ title, file, line }: Readonly<Record<string, string>>): Pick<Annotation, 'title' | 'file' | 'line'> {
  return { ...(title ? { title } : {}), ...(file ? { file } : {}), ...(line ? { line } : {}) }
}
