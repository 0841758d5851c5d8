import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { Failure } from '#kernel'
import type { Release } from '#kernel'
import { unpack } from './artifact.ts'
import { handOver } from './hand-over.ts'
import { joinPaths, serviceEnvironment } from './instance-environment.ts'
import { prune } from './prune.ts'
import { Records } from './records.ts'
import { failed } from './reply.ts'
import type { Reply } from './reply.ts'
import { requestSchema } from './requests.ts'
import type { SlotRequest } from './requests.ts'
import { startSlot } from './start-slot.ts'
import { stopSlot } from './stop-slot.ts'

/** Does one thing to the slots of an environment, on its host, and prints the reply. Effects run under the host's lock. */
export async function runSlotProgram(root: string, environment: Records['environment']): Promise<void> {
  process.umask(0o077)
  const records = new Records(root, environment)
  const reply = await text(process.stdin)
    .then(async (input): Promise<Reply> => ({ ok: true, value: await perform(records, understood(input)) }))
    .catch(failed)
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}

/** @throws Failure INPUT_INVALID for a name or value that cannot be used; its text holds names only, no values. */
function understood(input: string): SlotRequest {
  const parsed = requestSchema.safeParse(jsonOf(input))
  if (parsed.success) return parsed.data
  throw new Failure('INPUT_INVALID', `the release cannot be run: ${z.prettifyError(parsed.error).replace(/\s+/g, ' ')}`)
}

/** Without the parser's own message: it quotes the text, which may hold secrets. */
function jsonOf(input: string): unknown {
  try {
    return JSON.parse(input)
  } catch {
    throw new Failure('INTERNAL', 'the request did not arrive whole')
  }
}

async function perform(records: Records, request: SlotRequest): Promise<unknown> {
  switch (request.do) {
    case 'start':
      return startSlot(records, request.slot, request.release as Release, request.secrets)
    case 'stop':
      await stopSlot(records, request.slot, request.graceMs, request.remove)
      return null
    case 'hand-over':
      await handOver(records, request.slot, request.graceMs)
      return null
    case 'prune':
      prune(records, request.keep)
      return null
    case 'unpack':
      return oneOff(records, request.release as Release)
  }
}

async function oneOff(
  records: Records,
  release: Release,
): Promise<{ folder: string; environment: Record<string, string> }> {
  const service = release.services.find(({ routed }) => routed !== undefined) ?? release.services[0]
  if (service === undefined) throw new Error('a release has a service')
  const folder = await unpack(records.root, service.ref)
  const path = joinPaths(records.release(release.id)?.path, records.environment['PATH'] ?? '')
  return { folder, environment: { ...serviceEnvironment(release, service, {}), PATH: path } }
}
