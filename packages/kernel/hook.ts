import { Failure } from './failure.ts'

/** `before-shift`: after the gate, before any traffic. `after-shift`: once all traffic was seen to arrive. */
export type HookTime = 'before-shift' | 'after-shift'

/** A one-off command of the team: clear a cache, purge a CDN. */
export interface Hook {
  readonly place: 'release' | 'host' | 'runner'
  readonly argv: readonly [string, ...string[]]
}

/**
 * Reads `PLACE: words of a command`; without a place it runs in a one-off container of the release. Words are split at spaces, no shell
 * reads them.
 * @throws Failure INPUT_INVALID
 */
export function parseHook(text: string): Hook {
  const [, place = 'release', command = ''] = /^\s*(?:(release|host|runner):\s)?\s*(.*)$/s.exec(text) ?? []
  const [program = '', ...words] = command.trim().split(/\s+/)
  if (program !== '' && !/^(?:release|host|runner):$/.test(program) && !text.includes('\0'))
    return { place: place as Hook['place'], argv: [program, ...words] }
  throw new Failure('INPUT_INVALID', 'has a line without a command', {
    hint: 'Write for example `release: node clear-cache.js`, `host: …` or `runner: curl …`.',
  })
}
