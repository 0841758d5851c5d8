import * as core from '@actions/core'
import { describe, showDuration } from '#kernel'
import type { Event } from '#kernel'

/** One line of plain words for an event; null where a log has nothing to say. */
export function lineOf(event: Event): string | null {
  switch (event.kind) {
    case 'note':
    case 'warning':
    case 'progress':
      return event.text
    case 'step-started':
      return `${event.undoing ? '↩ ' : '▸ '}${describe(event.step)}`
    case 'step-done':
      return `  ✓ ${showDuration(event.tookMs)}${event.found === undefined ? '' : ` · ${event.found}`}`
    case 'step-failed':
      return `  ✗ ${showDuration(event.tookMs)} · ${event.why}`
    case 'verdict':
      return `  verdict: ${event.verdict.outcome}`
  }
}

/** Tells an event in the job's log. */
export function narrate(event: Event): void {
  const line = lineOf(event)
  if (line === null) return
  if (event.kind === 'warning') core.warning(line)
  else core.info(line)
}
