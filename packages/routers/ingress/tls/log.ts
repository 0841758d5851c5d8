import { z } from 'zod'
import type { Engine } from '../../haproxy/engine.ts'
import { tlsNames } from './names.ts'

/** Why a certificate was not to be had, in the words of the authority where it said some. */
export interface Trouble {
  readonly domain: string
  /** The last part of `urn:ietf:params:acme:error:…`; empty where the authority did not answer. */
  readonly problem: string
  readonly why: string
}

const lineSchema = z.object({
  logger: z.string().startsWith('tls'),
  msg: z.string(),
  identifier: z.string(),
  error: z.string().optional(),
  problem: z.object({ type: z.string(), detail: z.string() }).optional(),
})

const whyLimit = 600
const mostLines = 5_000

/** What Caddy's log says, since so many seconds ago, of certificates that are still not to be had. */
export async function troublesSince(engine: Engine, seconds: number): Promise<readonly Trouble[]> {
  const words = ['logs', `--since=${Math.ceil(seconds)}s`, `--tail=${mostLines}`, tlsNames.container]
  const { code, stdout, stderr } = await engine.look(words)
  return code === 0 ? readTroubles(`${stdout}\n${stderr}`) : []
}

/**
 * The newest of each domain that an order failed for. What the last challenge was answered says better why than the order does; one
 * challenge that fails alone says nothing, because another one follows. A certificate that was had later ends the trouble.
 */
export function readTroubles(log: string): readonly Trouble[] {
  const challenged = new Map<string, Trouble>()
  const found = new Map<string, Trouble>()
  for (const line of log.split('\n')) {
    if (!/^\{"level":"(?:error|info)"/.test(line)) continue
    const parsed = lineSchema.safeParse(parsedLine(line))
    if (!parsed.success) continue
    const { msg, identifier: domain, error = '', problem } = parsed.data
    if (/^certificate (?:obtained|renewed) successfully/.test(msg)) {
      found.delete(domain)
      challenged.delete(domain)
    } else if (msg === 'challenge failed' && problem !== undefined) {
      challenged.set(domain, { domain, problem: lastPart(problem.type), why: plain(problem.detail) })
    } else if (msg === 'could not get certificate from issuer') {
      const type = /urn:ietf:params:acme:error:[A-Za-z]+/.exec(error)?.[0] ?? ''
      found.set(
        domain,
        (isUnreached(error) ? undefined : challenged.get(domain)) ?? {
          domain,
          problem: lastPart(type),
          why: plain(error),
        },
      )
      challenged.delete(domain)
    }
  }
  return [...found.values()]
}

/** The authority itself was not there: what it said of a challenge before is no reason. */
function isUnreached(error: string): boolean {
  return /dial tcp|no such host|connection re(?:fused|set)|Client\.Timeout/.test(error)
}

function lastPart(type: string): string {
  return type.replace(/^.*:/, '')
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

/** Without line ends and what else could pass for a line of ours. */
function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, whyLimit)
}
