import { Failure } from '#kernel'
import type { CommandResult, Lease } from '#kernel'
import { z } from 'zod'
import { held } from './host.ts'
import type { FencedHost } from './host.ts'
import { hostCodes } from './program.ts'

/** How long acquire waits for an effect of the owner before, in seconds. */
const settleSeconds = 20

const grantSchema = z.string().regex(/^fence [1-9][0-9]{0,14}\n[^\n]*\n$/)
const heldSchema = z.string().regex(/^held [0-9]{1,15}\n[^\n]*\n$/)

/**
 * The lease of the host's environment. Expiry is by the host's clock; an owner on the same machine that is dead is taken over
 * at once. When acquire returns, no effect of an earlier owner runs or will run.
 */
export function hostLease(host: FencedHost): Lease {
  return {
    async acquire(owner, ttlMs, over) {
      const words = [oneLine(owner), hundredths(ttlMs), host.identity, String(settleSeconds), ...(over ? [over] : [])]
      const result = await host.verb('acquire', words, { answers: [hostCodes.held] })
      if (result.exitCode === hostCodes.held) throw heldBy(host.name, result)
      const [fence, from] = lines(grantSchema, result, host.name)
      host.fence = Number(fence)
      return from === '' ? { fence: host.fence } : { fence: host.fence, tookOverFrom: from }
    },
    async renew(ttlMs) {
      await host.verb('renew', [held(host), hundredths(ttlMs)])
    },
    async release() {
      if (host.fence === null) return
      await host.verb('release', [held(host)])
      host.fence = null
    },
    async inspect() {
      const result = await host.verb('inspect', [])
      if (result.stdout === 'free\n') return null
      const [left, owner] = lines(heldSchema, result, host.name)
      return { owner, expiresInMs: Number(left) * 10 }
    },
  }
}

function heldBy(name: string, result: CommandResult): Failure {
  const [left, owner] = lines(heldSchema, result, name)
  return new Failure('LEASE_HELD', `${owner} holds the environment`, {
    hint: `Wait for that run to end. If it is dead, its hold ends in ${Math.ceil(Number(left) / 100)} s by itself.`,
  })
}

/** The number and the text of a two-line answer. */
function lines(schema: z.ZodString, result: CommandResult, name: string): [number: string, text: string] {
  const answer = schema.safeParse(result.stdout)
  if (!answer.success)
    throw new Failure('OUTPUT_UNREADABLE', `${name}: the host program gave an answer that cannot be read`, {
      cause: answer.error,
    })
  const [first = '', text = ''] = answer.data.split('\n')
  return [first.slice(first.indexOf(' ') + 1), text]
}

function hundredths(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 10)))
}

/** Owners carry names of people: whatever is in them, one line of bounded length goes to the host. */
function oneLine(owner: string): string {
  const text = owner
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
  return text === '' ? 'someone' : text
}
