import { readHealthBody, shownUrl } from '#kernel'
import type { CheckResult, Clock, Dependency, HealthBody, Measurement, Outcome, Probe, ProbeRequest } from '#kernel'

export interface DependenciesOrder {
  /** Where the app tells how it and its dependencies are. */
  readonly health: ProbeRequest
  /** Where it tells whether it takes traffic; null: it has no such place. */
  readonly ready: ProbeRequest | null
  readonly probe: Probe
  readonly clock: Clock
  /** Looks until all is well, or so many were had: one hiccup is no verdict. Default 3, a second apart. */
  readonly looks?: number
  readonly intervalMs?: number
  /** What a dependency that works worse than it should comes to. Default `pass`. */
  readonly onDegraded?: 'pass' | 'fail'
  readonly signal: AbortSignal
}

/**
 * Tells "the app is up" from "a dependency is down": one check for the app, one for whether it is ready, one for each
 * dependency its health body names. A body is read whatever its status: a 503 that says which dependency is down is an
 * answer of an app that is up.
 * @throws the signal's reason when it aborts.
 */
export async function checkDependencies(order: DependenciesOrder): Promise<CheckResult[]> {
  const { looks = 3, intervalMs = 1000, clock, signal } = order
  for (let count = 1; ; count += 1) {
    const checks = await lookOnce(order)
    if (count >= looks || checks.every(({ outcome }) => outcome === 'pass')) {
      return checks.map((check) => ({ ...check, samples: count }))
    }
    await clock.sleep(intervalMs, signal)
  }
}

async function lookOnce({
  health,
  ready,
  probe,
  signal,
  onDegraded = 'pass',
}: DependenciesOrder): Promise<CheckResult[]> {
  const [healthLook, readyLook] = await Promise.all([
    probe.once(health, signal),
    ready === null ? null : probe.once(ready, signal),
  ])
  const body = readHealthBody(healthLook.body ?? '')
  return [
    appCheck(health, healthLook, body, onDegraded),
    ...(ready === null || readyLook === null ? [] : [readyCheck(ready, readyLook, healthLook)]),
    ...(body?.dependencies ?? []).map((dependency) => dependencyCheck(dependency, onDegraded)),
  ]
}

type OnDegraded = NonNullable<DependenciesOrder['onDegraded']>

function appCheck(
  request: ProbeRequest,
  look: Measurement,
  body: HealthBody | null,
  onDegraded: OnDegraded,
): CheckResult {
  const base = { check: 'app', value: look.status ?? null, limit: 'answers', samples: 1 }
  const where = shownUrl(request.url)
  if (look.status === undefined)
    return { ...base, outcome: 'fail', reason: `the app is down: ${where}: ${look.why ?? ''}` }
  const sick = (body?.dependencies ?? []).filter(({ state }) => state === 'down' || state === 'degraded')
  if (look.ok && body?.state !== 'down') {
    if (body?.state === 'degraded' && sick.length === 0)
      return { ...base, outcome: onDegraded, reason: 'the app is up, and says that it is degraded' }
    return { ...base, outcome: 'pass', reason: `the app is up (status ${look.status})` }
  }
  const names = sick.map(({ name }) => name).join(', ')
  if (sick.length > 0) {
    return { ...base, outcome: 'pass', reason: `the app is up (status ${look.status}); what is not: ${names}` }
  }
  const why = look.ok ? 'says that it is down' : (look.why ?? 'is not healthy')
  return { ...base, outcome: 'fail', reason: `the app is not well, and names no dependency: ${where} ${why}` }
}

/** An app can be healthy and not ready: it lives, and takes no traffic yet. */
function readyCheck(request: ProbeRequest, look: Measurement, health: Measurement): CheckResult {
  const base = { check: 'ready', value: look.status ?? null, limit: 'ready', samples: 1 }
  if (look.ok) return { ...base, outcome: 'pass', reason: 'it is ready for traffic' }
  const but = health.ok ? 'the app is healthy but not ready' : 'not ready'
  return { ...base, outcome: 'fail', reason: `${but}: ${shownUrl(request.url)}: ${look.why ?? ''}` }
}

function dependencyCheck({ name, state, detail }: Dependency, onDegraded: OnDegraded): CheckResult {
  const outcomes: Readonly<Record<Dependency['state'], Outcome>> = {
    up: 'pass',
    down: 'fail',
    degraded: onDegraded,
    unknown: 'inconclusive',
  }
  const said = detail === '' ? '' : `: ${detail}`
  const is = state === 'unknown' ? 'in a state that nobody knows' : state
  return {
    check: `dependency ${name}`,
    outcome: outcomes[state],
    value: null,
    limit: 'up',
    samples: 1,
    reason: `${name} is ${is}${said}`,
  }
}
