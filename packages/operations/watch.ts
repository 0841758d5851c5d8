import { Failure, reasonOf, routedServices, verdictOf } from '#kernel'
import type { Step, Verdict } from '#kernel'
import { tell } from './ports.ts'
import type { Run } from './run.ts'
import { watchEvidence } from './watch-evidence.ts'
import type { WatchEvidence } from './watch-evidence.ts'

type Watch = Extract<Step, { do: 'watch' }>

const lookEveryMs = 250
const shortestMs = 20

/**
 * Watches a slot by the router's own statistics, and asks the front now and then so that a quiet site gives evidence too; with
 * thresholds on them, what its instances use and the team's own metrics as well. A breach ends it at once. @throws Failure BAKE_FAILED, or VERDICT_INCONCLUSIVE when the policy says hold.
 */
export async function watch(step: Watch, run: Run): Promise<string> {
  const evidence = await watchEvidence(step, run)
  try {
    return await watchUntilEnd(step, run, evidence)
  } finally {
    await evidence.end()
  }
}

async function watchUntilEnd(step: Watch, run: Run, evidence: WatchEvidence): Promise<string> {
  const { clock, router } = run.ports
  const end = clock.monotonic() + step.forMs
  const everyMs = pace(step, run, (await router.read())[step.slot])
  while (clock.monotonic() < end) {
    await Promise.all([ask(run), clock.sleep(Math.min(everyMs, end - clock.monotonic()), run.signal)])
    await evidence.look()
    if (evidence.isBroken()) return breached(step, run, verdictOf(evidence.seen()))
  }
  const final = verdictOf(await evidence.all())
  if (final.outcome === 'fail') return breached(step, run, final)
  tell(run.ports, { kind: 'verdict', verdict: final })
  if (final.outcome === 'pass') return reasonOf(final)
  return undecided(step, run, reasonOf(final))
}

/** Often enough that our own questions alone would make the samples that a verdict needs, with half as many to spare. */
function pace(step: Watch, run: Run, share: number): number {
  const needed = (1.5 * run.policy.minSamples * 100) / Math.max(1, share)
  return Math.max(shortestMs, Math.min(lookEveryMs, step.forMs / needed))
}

/** One look through the front at each service; what comes back is in the router's statistics. */
async function ask(run: Run): Promise<void> {
  const front = await run.ports.router.front()
  await Promise.all(
    routedServices(run.release).flatMap((service) => {
      const url = front.urls[service.name]
      if (url === undefined) return []
      return [run.ports.probe.once({ url: `${url}${service.routed.health}`, timeoutMs: 5000 }, run.signal)]
    }),
  )
}

function breached(step: Watch, run: Run, found: Verdict): never {
  tell(run.ports, { kind: 'verdict', verdict: found })
  throw new Failure('BAKE_FAILED', `the ${step.as} of ${step.slot} failed: ${reasonOf(found)}`, {
    hint: 'Traffic goes back to the release before. Look at the logs of the failed release, mend it and deploy again.',
  })
}

function undecided(step: Watch, run: Run, why: string): string {
  const { onInconclusive } = run.policy
  if (onInconclusive === 'continue') {
    tell(run.ports, {
      kind: 'warning',
      text: `the ${step.as} of ${step.slot} is inconclusive (${why}); going on, as on-inconclusive says`,
    })
    return `inconclusive: ${why}`
  }
  const what = `the ${step.as} of ${step.slot} is inconclusive: ${why}`
  if (onInconclusive === 'rollback') throw new Failure('BAKE_FAILED', what)
  throw new Failure('VERDICT_INCONCLUSIVE', what, {
    hint: 'Nothing was undone. Deploy the same release again to watch longer, promote it, or reject it; a longer bake or fewer min-samples would decide.',
  })
}
