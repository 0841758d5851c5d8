import { parseWorkflowCommand } from '../runner/workflow-command.ts'
import type { IntervalLine } from '../load/tally.ts'

const WIDTH = 110

/** Workflow commands that are for people, and how they are told. */
const signs: Readonly<Record<string, string>> = { error: '✗ ', warning: '! ', notice: '· ', group: '' }

/** Tells the story as it happens: lines, and on a terminal one more line below them with what the load sees right now. */
export class Narrator {
  readonly #out: NodeJS.WriteStream
  readonly #begunMs = Date.now()
  readonly #isLive: boolean
  readonly #sums = { sent: 0, lost: 0, bad: 0 }
  #status = ''
  #isOver = false
  #isInGroup = false

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#isLive = out.isTTY === true && process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined
  }

  /** Something for a person to see until the first line comes. */
  waiting(text: string): void {
    if (this.#isLive) this.#out.write(this.#dim(text))
  }

  /** The one line that others read: where the shop can be reached. */
  front(url: string): void {
    if (this.#isLive) this.#out.write('\r\x1b[2K')
    this.#out.write(`front: ${url}\n`)
  }

  chapter(title: string): void {
    this.#write(`\n${this.#time()}  ${this.#bold(title)}\n`)
  }

  /** A line of an action's log. Of a group only the title is told; annotations become plain words. */
  action(line: string): void {
    const command = parseWorkflowCommand(line)
    const isInGroup = this.#isInGroup
    if (command?.name === 'group') this.#isInGroup = true
    if (command?.name === 'endgroup') this.#isInGroup = false
    const sign = command ? signs[command.name] : ''
    if (sign === undefined || (isInGroup && !command)) return
    const text = `${sign}${(command?.message ?? line).split('\n')[0] ?? ''}`
    if (text.trim() !== '') this.#write(`${this.#time()}    ${this.#dim(clip(text))}\n`)
  }

  say(text: string): void {
    this.#write(`${this.#time()}  ${text}\n`)
  }

  good(text: string): void {
    this.#write(`${this.#time()}  ${this.#colour(32, '✓')} ${text}\n`)
  }

  bad(text: string): void {
    this.#write(`${this.#time()}  ${this.#colour(31, '✗')} ${text}\n`)
  }

  /** Plain text, such as the table at the end. */
  text(text: string): void {
    this.#write(`${text}\n`)
  }

  load(line: IntervalLine): void {
    this.#sums.sent += line.sent
    this.#sums.lost += line.lost
    this.#sums.bad += line.bad
    if (!this.#isLive || this.#isOver) return
    const { sent, lost, bad } = this.#sums
    const all = Object.values(line.versions).reduce((sum, { answered }) => sum + answered, 0)
    const shares = Object.entries(line.versions).map(
      ([version, { answered }]) => `${version} ${Math.round((100 * answered) / all)} %`,
    )
    const words = [
      `${sent} requests`,
      `${lost} lost`,
      `${bad} answered badly`,
      `p95 ${line.latencyMs.p95} ms`,
      shares.join(' · '),
    ]
    this.#status = words.join('  ')
    this.#draw()
  }

  /** Takes the live line away, at the end. */
  quiet(): void {
    this.#isOver = true
    this.#status = ''
    this.#write('')
  }

  #write(text: string): void {
    if (this.#isLive) this.#out.write('\r\x1b[2K')
    this.#out.write(text)
    this.#draw()
  }

  #draw(): void {
    if (this.#isLive && this.#status !== '')
      this.#out.write(`\r\x1b[2K${this.#colour(36, clip(this.#status, (this.#out.columns ?? 80) - 1))}`)
  }

  #time(): string {
    return this.#dim(`${((Date.now() - this.#begunMs) / 1000).toFixed(1).padStart(5)} s`)
  }

  #bold(text: string): string {
    return this.#colour(1, text)
  }

  #dim(text: string): string {
    return this.#colour(2, text)
  }

  #colour(code: number, text: string): string {
    return this.#isLive ? `\x1b[${code}m${text}\x1b[0m` : text
  }
}

function clip(text: string, width = WIDTH): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}
