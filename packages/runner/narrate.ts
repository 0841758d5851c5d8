import * as core from '@actions/core'
import { describe, showDuration } from '#kernel'
import type { Event } from '#kernel'

/** One line of plain words for an event, with its host where there are several; null where a log has nothing to say. */
export function lineOf(event: Event): string | null {
  const words = wordsOf(event)
  return words === null || event.host === undefined ? words : `${event.host}: ${words.trimStart()}`
}

function wordsOf(event: Event): string | null {
  // Where several hosts tell of themselves, the end of a step does not stand below its beginning.
  const which =
    event.host !== undefined && 'step' in event ? `${event.undoing ? '↩ ' : ''}${describe(event.step)} · ` : ''
  switch (event.kind) {
    case 'note':
    case 'warning':
    case 'progress':
      return event.text
    case 'step-started':
      return `${event.undoing ? '↩ ' : '▸ '}${describe(event.step)}`
    case 'step-done':
      return `  ✓ ${which}${showDuration(event.tookMs)}${event.found === undefined ? '' : ` · ${event.found}`}`
    case 'step-failed':
      return `  ✗ ${which}${showDuration(event.tookMs)} · ${event.why}`
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
