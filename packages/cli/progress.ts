import { describe, showDuration } from '#kernel'
import type { Event } from '#kernel'
import { lineOf } from '#runner'

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>

/** Shows what happens as it happens; ended when the command is. */
export interface Progress {
  tell(event: Event): void
  /** Text of a program's own output, printed as it is. */
  write(text: string): void
  end(): void
}

/** Where nobody watches: one plain line for each event. */
export function plainProgress(out: Pick<Output, 'write'>, hide: (text: string) => string): Progress {
  return {
    tell(event) {
      const line = lineOf(event)
      if (line !== null) out.write(`${hide(line)}\n`)
    },
    write: (text) => void out.write(text),
    end: () => undefined,
  }
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 100
const toLineStart = '\r\u001B[2K'

interface Running {
  readonly words: string
  readonly since: number
  also: string
}

/**
 * For a person on a terminal: the step that runs stands on the last line with its seconds; each step that ended leaves one line.
 * Of several hosts the one that has been at it longest stands there, and how many others are at work.
 */
export function liveProgress(out: Output, hide: (text: string) => string): Progress {
  const running = new Map<string, Running>()
  let timer: NodeJS.Timeout | undefined
  let isMidLine = false

  const draw = () => {
    const [first] = running
    if (first === undefined || isMidLine) return
    const [host, { words, since, also }] = first
    const took = performance.now() - since
    const frame = frames[Math.floor(took / frameMs) % frames.length] ?? ''
    const others = running.size === 1 ? '' : ` · and ${running.size - 1} more`
    const text = `${frame} ${host === '' ? '' : `${host}: `}${words} · ${showDuration(took)}${also}${others}`
    // A line that wraps could not be drawn over again.
    out.write(`${toLineStart}${hide(text).slice(0, Math.max(20, (out.columns || 80) - 1))}`)
  }
  const above = (text: string) => {
    out.write(running.size === 0 || isMidLine ? text : `${toLineStart}${text}`)
    isMidLine = !text.endsWith('\n')
    draw()
  }
  const clear = () => {
    if (running.size > 0 && !isMidLine) out.write(toLineStart)
  }
  const stop = (host: string) => {
    clear()
    running.delete(host)
    if (running.size === 0) clearInterval(timer)
  }

  return {
    tell(event) {
      const host = event.host ?? ''
      if (event.kind === 'step-started') {
        stop(host)
        const words = `${event.undoing ? '↩ ' : ''}${describe(event.step)}`
        running.set(host, { words, since: performance.now(), also: '' })
        clearInterval(timer)
        timer = setInterval(draw, frameMs).unref()
        return draw()
      }
      const own = running.get(host)
      if (event.kind === 'progress' && own !== undefined) {
        own.also = ` · ${event.text}`
        return draw()
      }
      if (event.kind === 'step-done' || event.kind === 'step-failed') {
        const words = `${event.undoing ? '↩ ' : ''}${describe(event.step)}`
        stop(host)
        const { host: _host, ...plain } = event
        const [, mark = '', rest = ''] = /^\s*([✓✗]) ?([^]*)$/.exec(lineOf(plain) ?? '') ?? []
        return above(`${hide(`${host === '' ? '' : `${host}: `}${mark} ${words} · ${rest}`)}\n`)
      }
      const line = lineOf(event)
      if (line !== null) above(`${hide(line)}\n`)
    },
    write: above,
    end() {
      clearInterval(timer)
      clear()
      running.clear()
    },
  }
}
