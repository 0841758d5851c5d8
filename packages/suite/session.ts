import { Failure } from '#kernel'
import type { Event } from '#kernel'
import type { ActionSession } from '#runner'

/** Hears every event once, tells it on, and keeps it for the summary. */
export function recorder(session: Pick<ActionSession, 'tell'>): {
  readonly events: readonly Event[]
  readonly tell: (event: Event) => void
} {
  const events: Event[] = []
  return {
    events,
    tell: (event) => {
      if (event.kind !== 'progress') events.push(event)
      session.tell(event)
    },
  }
}

/** Who is acting, for the lease and the ledger: the run on GitHub, or the person on a terminal. */
export function ownerOf(session: Pick<ActionSession, 'environment'>): string {
  const {
    GITHUB_REPOSITORY: repository,
    GITHUB_RUN_ID: run,
    GITHUB_RUN_ATTEMPT: attempt,
    USER: user,
  } = session.environment
  return repository !== undefined && run !== undefined
    ? `github:${repository}/${run}/${attempt ?? '1'}`
    : `person:${user ?? 'unknown'}`
}

/** A lease that ends half a minute after its owner's last sign of life; others wait a little longer than that for it. */
export function leaseOf(session: Pick<ActionSession, 'environment'>): { owner: string; ttlMs: number; waitMs: number } {
  return { owner: ownerOf(session), ttlMs: 30_000, waitMs: 45_000 }
}

/** Parses JSON that another action wrote. @throws Failure INPUT_INVALID naming the field. */
export function parseJson(text: string, field: string): unknown {
  if (text.trim() === '') return undefined
  if (text.length > 1_048_576) throw new Failure('INPUT_INVALID', `${field} is longer than 1 MiB`, { field })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure('INPUT_INVALID', `${field} is not JSON`, {
      field,
      cause,
      hint: `Give the output \`${field}\` of the action before, unchanged.`,
    })
  }
}

/** A URL with a password is masked whole and in part; one without is no secret. */
export function maskUrl(url: string, mask: (secret: string) => void): void {
  const password = URL.parse(url)?.password ?? ''
  if (password === '') return
  mask(url)
  mask(password)
  mask(decodeURIComponent(password))
}
