import { Failure } from '#kernel'
import type { Host, Shell } from '#kernel'
import { limitsSchema, routers } from '#routers'
import { targets } from '#targets'
import { z } from 'zod'
import { frontOf, frontSchema, listenBehind } from './front.ts'
import { limitsAsked } from './limits.ts'
import type { EnvironmentInputs } from './open.ts'

/** What an environment was set up with; kept on the host, so that whoever comes later needs to be told nothing. */
const recordSchema = z.object({
  target: z.string(),
  router: z.string(),
  routerImage: z.string(),
  address: z.string(),
  port: z.int(),
  listens: z.record(z.string(), z.object({ address: z.string(), port: z.int() })).optional(),
  /** What the front of the host leads here, where one stands before the app's own. */
  front: frontSchema.optional(),
  /** What the app asks of its router. */
  limits: limitsSchema.optional(),
})

export type EnvironmentRecord = z.output<typeof recordSchema>

const path = 'environment.json'

/** Null where it was never set up. @throws Failure OUTPUT_UNREADABLE */
export async function readRecord(host: Host): Promise<EnvironmentRecord | null> {
  const text = await host.read(path)
  if (text === null) return null
  try {
    return recordSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Failure('OUTPUT_UNREADABLE', `${host.stateDir}/${path} is not what Switchyard wrote there`, {
      cause,
      hint: 'Restore the file, or remove it and give target and listen again.',
    })
  }
}

export function keepRecord(host: Host, record: EnvironmentRecord): Promise<void> {
  return host.put(path, JSON.stringify(record))
}

/**
 * What the environment is to be: what is asked for, else what it has had, else the default. A look, which changes nothing.
 * @throws Failure INPUT_INVALID for a name that nobody knows, INPUT_CONFLICT, PORT_IN_USE
 */
export async function recordFor(
  shell: Shell,
  inputs: EnvironmentInputs,
  before: EnvironmentRecord | null,
): Promise<EnvironmentRecord> {
  return behindFront(shell, inputs, recordOf(inputs, before), before)
}

function recordOf(inputs: EnvironmentInputs, before: EnvironmentRecord | null): EnvironmentRecord {
  const target = inputs.target || before?.target || 'docker'
  if (before !== null && target !== before.target) {
    throw new Failure('INPUT_CONFLICT', `this environment was set up with target ${before.target}, not ${target}`, {
      field: 'target',
      hint: `Leave target empty, or use another environment name for ${target}.`,
    })
  }
  const entry = entryOf(targets, 'target', target)
  const router = inputs.router || before?.router || entry.routers[0]
  if (!entry.routers.includes(router)) {
    throw new Failure('INPUT_CONFLICT', `router ${router} cannot reach the slots of target ${target}`, {
      field: 'router',
      hint: `Routers of ${target}: ${entry.routers.join(', ')}.`,
    })
  }
  // Behind a front of the host it was elsewhere.
  const had = before?.front === undefined ? before : null
  const front = {
    address: inputs.listen?.address ?? had?.address ?? entry.listen.address,
    port: inputs.listen?.port ?? had?.port ?? entry.listen.port,
  }
  const own = Object.entries(inputs.listens ?? before?.listens ?? {})
  const listens = own.map(
    ([service, { address, port }]) => [service, { address: address ?? entry.listen.address, port }] as const,
  )
  refuseFronts(router, front.port, listens)
  const limits = limitsAsked(inputs, before?.limits)
  return {
    target,
    router,
    routerImage: inputs['router-image'] || (before?.routerImage ?? ''),
    ...front,
    ...(listens.length === 0 ? {} : { listens: Object.fromEntries(listens) }),
    ...(limits === undefined ? {} : { limits }),
  }
}

/** @throws Failure INPUT_CONFLICT where a router has one front alone, or two services would have the same port */
function refuseFronts(
  router: string,
  port: number,
  listens: readonly (readonly [string, { readonly port: number }])[],
) {
  const ports = [port, ...listens.map(([, own]) => own.port)]
  const twice = listens.find(([, own], at) => ports.indexOf(own.port) <= at)
  if (twice !== undefined) {
    throw new Failure('INPUT_CONFLICT', `service ${twice[0]} listens on port ${twice[1].port}, and so does another`, {
      field: 'listen',
      hint: "Give each a port of its own; the input listen is the first one's.",
    })
  }
  if (listens.length === 0 || entryOf(routers, 'router', router).hasFronts === true) return
  throw new Failure(
    'INPUT_CONFLICT',
    `router ${router} has one front; ${listens.map(([name]) => name).join(', ')} wants another`,
    {
      field: 'services',
      hint: 'Use a target with router haproxy, or remove listen from all services but one.',
    },
  )
}

/** Behind a front of the host the app's own router is reached on the host alone. */
async function behindFront(
  shell: Shell,
  inputs: EnvironmentInputs,
  record: EnvironmentRecord,
  before: EnvironmentRecord | null,
): Promise<EnvironmentRecord> {
  const front = frontOf(inputs, before?.front)
  if (front === undefined && (inputs['trusted-proxies'] ?? []).length > 0) throw noFrontToTrust()
  if (front === undefined) return record
  const had = before?.front === undefined ? null : before
  const asked = { listen: inputs.listen, listens: record.listens }
  return { ...record, ...(await listenBehind(shell, front, asked, had)), front }
}

function noFrontToTrust(): Failure {
  return new Failure('INPUT_CONFLICT', 'trusted-proxies is about the front of the host, and this app has none', {
    field: 'trusted-proxies',
    hint: 'Give domain or routes too, or leave it out: see docs/front-that-stays.md.',
  })
}

/** @throws Failure INPUT_INVALID */
export function entryOf<Entry>(registry: Readonly<Record<string, Entry>>, field: string, name: string): Entry {
  const entry = Object.hasOwn(registry, name) ? registry[name] : undefined
  if (entry !== undefined) return entry
  throw new Failure('INPUT_INVALID', `unknown ${field} "${name}"`, {
    field,
    hint: `Known: ${Object.keys(registry).join(', ')}.`,
  })
}
