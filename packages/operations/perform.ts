import {
  Failure,
  gateStart,
  gateNext,
  instanceHeader,
  releaseName,
  routedServices,
  slotHeader,
  withVersion,
} from '#kernel'
import type { GatePolicy, Measurement, Release, Slot, Step } from '#kernel'
import { passHealth, remainsUp } from './background.ts'
import { passGate } from './gate.ts'
import { graceOf, handOver } from './hand-over.ts'
import { hook } from './hook.ts'
import type { Run } from './run.ts'
import { watch } from './watch.ts'

const warmDeadlineMs = 5000
/** A cancelled job is ended 7.5 s after its first signal. Traffic is back by then; what had come in meanwhile has so long to be answered. */
const hurriedDrainMs = 3000
/** How long the front may answer badly, and how long from the other slot, before a shift is taken back. */
const sickMs = 500
const unseenMs = 10_000

type Performer<Kind extends Step['do']> = (step: Extract<Step, { do: Kind }>, run: Run) => Promise<string | undefined>

/** What each step does; the result is what was found, in words. */
const performers: { readonly [Kind in Step['do']]: Performer<Kind> } = {
  async prepare(step, run) {
    await run.ports.target.prepare?.(step.release, run.signal)
    return undefined
  },

  async start(step, run) {
    const secrets = step.release.id === run.release.id ? run.secrets : undefined
    const endpoints = await run.ports.target.start(step.slot, step.release, secrets, run.signal)
    run.endpoints.set(step.slot, endpoints)
    return `${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'}`
  },

  gate: (step, run) => gate(step.slot, step.release, run),

  async shift(step, run) {
    await run.totalsBefore?.shifting()
    await run.ports.router.shift(step.weights)
    run.gap?.shifted(step.weights, run.ports.clock.monotonic())
    return undefined
  },

  confirm: (step, run) => confirm(step.slot, step.release, run),

  'hand-over': (step, run) => handOver(step, run),

  hook: (step, run) => hook(step, run),

  watch: (step, run) => watch(step, run),

  async drain(step, run) {
    const deadlineMs = run.isHurried ? Math.min(run.policy.drainMs, hurriedDrainMs) : run.policy.drainMs
    const left = await run.ports.router.drain(step.slot, deadlineMs, run.signal)
    return left.requests + left.sockets === 0
      ? 'nothing left'
      : `${left.requests} requests and ${left.sockets} sockets left, ${left.closed} closed`
  },

  async stop(step, run) {
    await run.ports.target.stop(step.slot, { graceMs: graceOf(run), remove: step.remove })
    run.endpoints.delete(step.slot)
    return undefined
  },

  async mark(step, run) {
    const { ledger } = run.ports
    const isOwn = step.release.id === run.release.id
    const entry = isOwn ? run.entry : (await ledger.history()).find((each) => each.release.id === step.release.id)?.id
    if (entry !== undefined) await ledger.mark(entry, step.state, isOwn ? '' : `left for ${releaseName(run.release)}`)
    return undefined
  },

  async prune(step, run) {
    const history = await run.ports.ledger.history()
    const kept = [...new Set(history.filter((entry) => entry.state === 'good').map((entry) => entry.release.id))]
    await run.ports.target.prune(kept.slice(0, step.retain))
    return undefined
  },
}

/** Does one step. @throws Failure when it did not come to be. */
export function perform(step: Step, run: Run): Promise<string | undefined> {
  const performer = performers[step.do] as (step: Step, run: Run) => Promise<string | undefined>
  return performer(step, run)
}

/** A release that was deployed before is proven in its own way. */
function gateOf({ gate }: Release, { policy }: Run): GatePolicy {
  return { ...policy.gate, ...gate }
}

async function endpointsOf(slot: Slot, run: Run) {
  return run.endpoints.get(slot) ?? (await run.ports.target.observe())[slot].endpoints
}

async function gate(slot: Slot, release: Release, run: Run): Promise<string> {
  const { ports, signal } = run
  const policy = gateOf(release, run)
  // A slot that was not started just now is up or it is not: waiting a whole start-up for it would keep traffic where it hurts.
  const deadlineMs = run.endpoints.has(slot) ? policy.deadlineMs : Math.min(policy.deadlineMs, warmDeadlineMs)
  const services = routedServices(release)
  const hasOthers = services.length < release.services.length
  const began = ports.clock.monotonic()
  // First what may take long: answers of what gets traffic must be fresh.
  if (hasOthers) await passHealth({ slot, release, deadlineMs: run.endpoints.has(slot) ? deadlineMs : null }, run)
  const leftMs = Math.max(deadlineMs - (ports.clock.monotonic() - began), Math.min(deadlineMs, warmDeadlineMs))
  const urls = await ports.router.preview(slot, release, await endpointsOf(slot, run))
  const result = await passGate({
    probe: ports.probe,
    clock: ports.clock,
    policy: { ...policy, deadlineMs: leftMs },
    requests: services.flatMap((service) =>
      Array.from({ length: service.instances }, (_, at) => ({
        url: `${urls[service.name] ?? ''}${service.routed.health}`,
        headers: { [instanceHeader]: String(at + 1) },
        // Followed elsewhere, it could be the old slot that answers for the new one.
        redirects: 'same-origin' as const,
        timeoutMs: policy.timeoutMs,
      })),
    ),
    version: release.version,
    signal,
  })
  const isProven = result.outcome === 'pass' || services.length === 0
  // Probes tell of routed services; whether the others run, only the target knows.
  const state = isProven && hasOthers ? await remainsUp(slot, run) : 'running'
  if (isProven && state === 'running') return result.reason
  const why = isProven ? `not all of its processes run (${state})` : result.reason
  throw new Failure('GATE_FAILED', `${releaseName(release)} in ${slot} did not pass its gate: ${why}`, {
    hint: `It got no request. Its last words:\n${tail(await ports.target.logs(slot).catch(() => ''))}`,
  })
}

/** Answers of the slot in a row through the front, so that no client can still be sent to the other one. */
async function confirm(slot: Slot, release: Release, run: Run): Promise<string> {
  const { ports, policy, signal } = run
  const { versionPath } = gateOf(release, run)
  const front = await ports.router.front()
  const began = ports.clock.monotonic()
  const requests = routedServices(release).flatMap((service) => {
    const url = front.urls[service.name]
    return url === undefined ? [] : [{ url: `${url}${service.routed.health}`, headers: front.headers, timeoutMs: 5000 }]
  })
  let progress = gateStart
  let wellAt = began
  while (progress.streak < policy.confirmations) {
    const looks = await Promise.all(requests.map((request) => ports.probe.once(request, signal)))
    const judged = looks.map((look) => answeredFrom(slot, withVersion(look, release.version, versionPath)))
    progress = gateNext(progress, judged.find((look) => !look.ok) ?? { ok: true, latencyMs: 0 })
    const now = ports.clock.monotonic()
    if (looks.every((look) => look.ok)) wellAt = now
    // A release that stopped answering takes requests with it; one that is merely not seen yet is still coming.
    if (progress.streak === 0 && (now - wellAt > sickMs || now - began > unseenMs)) {
      throw new Failure('CONFIRM_FAILED', `the front does not answer from ${slot}: ${progress.lastBad ?? ''}`)
    }
    if (progress.streak === 0) await ports.clock.sleep(policy.gate.intervalMs, signal)
  }
  const gapMs = run.gap?.confirmed(ports.clock.monotonic()) ?? null
  return `${progress.streak} answers in a row${gapMs === null ? '' : `; nothing was served for ${gapMs} ms`}`
}

function answeredFrom(slot: Slot, look: Measurement): Measurement {
  const answered = look.headers?.[slotHeader]
  if (!look.ok || answered === slot) return look
  return { ...look, ok: false, why: `the front answered from ${answered ?? 'nowhere'}` }
}

function tail(log: string): string {
  return log.trimEnd().split('\n').slice(-20).join('\n')
}
