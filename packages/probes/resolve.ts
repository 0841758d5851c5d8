import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Failure } from '#kernel'
import { bare } from './connect.ts'

const longestMs = 10_000

/**
 * Every address a name has, IPv4 first, as this machine finds them (its hosts file included); an address is its own.
 * @throws Failure NAME_UNRESOLVED; the signal's reason when it aborts.
 */
export async function addressesOf(hostname: string, signal?: AbortSignal): Promise<readonly string[]> {
  signal?.throwIfAborted()
  const host = bare(hostname)
  if (isIP(host) !== 0) return [host]
  // The system's resolver cannot be stopped; it is only no longer waited for.
  const ends = AbortSignal.any([AbortSignal.timeout(longestMs), ...(signal === undefined ? [] : [signal])])
  const ended = new Promise<never>((_resolve, reject) =>
    ends.addEventListener('abort', () => reject(new Error('no answer of the resolver', { cause: ends.reason })), {
      once: true,
    }),
  )
  try {
    const found = await Promise.race([lookup(host, { all: true, order: 'ipv4first' }), ended])
    return [...new Set(found.map(({ address }) => address))]
  } catch (cause) {
    signal?.throwIfAborted()
    const isGone = (cause as { code?: unknown }).code === 'ENOTFOUND'
    throw new Failure('NAME_UNRESOLVED', `${host} ${isGone ? 'does not resolve' : 'cannot be resolved now'}`, {
      cause,
      field: 'url',
      hint: 'Mend the name, or its DNS record; or give the address to connect to.',
    })
  }
}
