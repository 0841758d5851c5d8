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

/** For a person on a terminal: the step that runs stands on the last line with its seconds; each step that ended leaves one line. */
export function liveProgress(out: Output, hide: (text: string) => string): Progress {
  let running: { words: string; since: number; also: string } | null = null
  let timer: NodeJS.Timeout | undefined
  let isMidLine = false

  const draw = () => {
    if (running === null || isMidLine) return
    const took = performance.now() - running.since
    const frame = frames[Math.floor(took / frameMs) % frames.length] ?? ''
    const text = `${frame} ${running.words} · ${showDuration(took)}${running.also}`
    // A line that wraps could not be drawn over again.
    out.write(`${toLineStart}${hide(text).slice(0, Math.max(20, (out.columns || 80) - 1))}`)
  }
  const above = (text: string) => {
    out.write(running === null || isMidLine ? text : `${toLineStart}${text}`)
    isMidLine = !text.endsWith('\n')
    draw()
  }
  const stop = () => {
    clearInterval(timer)
    if (running !== null && !isMidLine) out.write(toLineStart)
    running = null
  }

  return {
    tell(event) {
      if (event.kind === 'step-started') {
        stop()
        running = { words: `${event.undoing ? '↩ ' : ''}${describe(event.step)}`, since: performance.now(), also: '' }
        timer = setInterval(draw, frameMs).unref()
        return draw()
      }
      if (event.kind === 'progress' && running !== null) {
        running.also = ` · ${event.text}`
        return draw()
      }
      if (event.kind === 'step-done' || event.kind === 'step-failed') {
        const words = `${event.undoing ? '↩ ' : ''}${describe(event.step)}`
        stop()
        const [, mark = '', rest = ''] = /^\s*([✓✗]) ?([^]*)$/.exec(lineOf(event) ?? '') ?? []
        return above(`${hide(`${mark} ${words} · ${rest}`)}\n`)
      }
      const line = lineOf(event)
      if (line !== null) above(`${hide(line)}\n`)
    },
    write: above,
    end: stop,
  }
}
