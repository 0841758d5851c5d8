import { randomInt } from 'node:crypto'
import { Failure, routedServices } from '#kernel'
import type { Event, Release } from '#kernel'
import { deploy } from '#operations'
import type { DeployOrder, DeployReport } from '#operations'
import { portsListenedTo } from '#routers'
import { systemClock } from '#runner'
import type { EnvironmentInputs, OpenEnvironment } from './open.ts'

/** Above those of services, below those that systems hand out by themselves; previews lie below them. */
const lowestPort = 32_000
const highestPort = 32_768

type Open = (more: Partial<EnvironmentInputs>) => Promise<OpenEnvironment>

/**
 * Deploys where the app runs today by other means, such as `docker compose up -d`. The release is brought up and proven aside, its front
 * at a port that nobody knows; only then is the old one stopped and its port taken over, which is the one gap there is. Where nothing
 * else runs it is a deploy like any other. Cut short anywhere, it is done again: what was proven is proven again, and not started twice.
 * @throws Failure INPUT_CONFLICT for a mode that shifts nothing
 */
export async function deployAdopting(
  order: DeployOrder,
  open: Open,
  tell: (event: Event) => void,
  signal: AbortSignal,
): Promise<DeployReport> {
  const { release } = order
  const ports = await open({ adopts: true })
  const names = release === null ? [] : ((await ports.target.inPlace?.(release)) ?? [])
  if (release === null || names.length === 0) return deploy(order, ports, signal)
  const note = (text: string) => tell({ kind: 'note', text, atMs: systemClock.monotonic() })
  note(
    `${names.join(', ')} runs today: it is stopped once the release is proven, and the front takes its port, with one gap`,
  )
  if (order.mode === 'plan') return deploy(order, ports, signal)
  if (order.mode !== 'deploy') {
    throw new Failure(
      'INPUT_CONFLICT',
      `adopt: true takes over what runs today, and mode ${order.mode} shifts nothing`,
      {
        field: 'adopt',
        hint: 'Use mode: deploy (or plan) with adopt: true.',
      },
    )
  }
  const aside = await open({ adopts: true, ...(await frontsAside(ports, release)), routes: [], domain: [] })
  // Nobody asks it there, so there is nothing to watch.
  await deploy({ ...order, strategy: 'blue-green', policy: { ...order.policy, bakeMs: 0 } }, aside, signal)
  return deploy(order, await open({ adopts: true, takesOver: release }), signal)
}

/** As many fronts as the release is to have, at ports of the host's that nobody listens on. */
async function frontsAside(
  { host }: OpenEnvironment,
  release: Release,
): Promise<Pick<EnvironmentInputs, 'listen' | 'listens'>> {
  const taken = await portsListenedTo((command) => host.look(command))
  const front = () => {
    let port = 0
    do port = randomInt(lowestPort, highestPort)
    while (taken.has(port))
    taken.add(port)
    return { address: '127.0.0.1', port }
  }
  const own = routedServices(release).filter(({ routed }) => routed.listen !== undefined)
  return { listen: front(), listens: Object.fromEntries(own.map(({ name }) => [name, front()])) }
}
