import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { Failure } from '#kernel'
import type { Host } from '#kernel'

/** What a router was set up with, kept in the state folder; for its owner only, because it holds the secret of the probes. */
export interface KeptRecord<Value> {
  /** Null where there is none. @throws Failure OUTPUT_UNREADABLE */
  read(host: Host): Promise<Value | null>
  keep(host: Host, value: Value): Promise<void>
}

export function keptRecord<Value>(path: string, schema: z.ZodType<Value>): KeptRecord<Value> {
  return {
    async read(host) {
      const text = await host.recall(path)
      if (text === null) return null
      try {
        return schema.parse(JSON.parse(text))
      } catch (cause) {
        throw new Failure('OUTPUT_UNREADABLE', `${path} in ${host.stateDir} cannot be understood`, { cause })
      }
    },
    keep: (host, value) => host.put(path, JSON.stringify(value), 0o600),
  }
}

/** What a probe carries so that the router names the slot. */
export function freshSecret(): string {
  return randomBytes(24).toString('hex')
}

/** Below the ports that systems hand out by themselves (32768 and up on Linux). */
const lowestPort = 20_000
const highestPort = 32_000

/** First ports of blocks of so many, the first one by chance, then on from it. */
export function* portBlocks(width: number): Generator<number, undefined> {
  const blocks = Math.floor((highestPort - lowestPort) / width)
  const first = randomBytes(4).readUInt32BE() % blocks
  for (let turn = 0; turn < blocks; turn += 1) yield lowestPort + width * ((first + turn) % blocks)
}
