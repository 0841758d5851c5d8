import type { Clock, Event, Ledger, Lease, Listener, Metric, Probe, Router, Target } from '#kernel'
import type { Member } from './convoy.ts'

/** Everything an operation on an environment works with, made ready by the suite. */
export interface Ports {
  readonly target: Target
  readonly router: Router
  readonly lease: Lease
  readonly ledger: Ledger
  readonly probe: Probe
  /** Reads the metrics that the policy defines. */
  readonly metric?: Metric
  readonly clock: Clock
  readonly listener: Listener
  /** Has the run that this owner's name stands for ended, as far as one can know? Asked while its lease is waited for. */
  isOver?(owner: string): Promise<boolean>
  /** This host's part where several go through the operation together. */
  readonly convoy?: Member
  /** Could `setUp` be done? A look. @throws Failure PORT_IN_USE, … */
  couldSetUp?(): Promise<void>
  /** Makes the router run where it does not; gives what was done, for people. Needs the lease. */
  setUp(signal?: AbortSignal): Promise<readonly string[]>
}

type Untimed = Event extends infer Each ? (Each extends Event ? Omit<Each, 'atMs'> : never) : never

/** Tells the listener, with the time. */
export function tell(ports: Pick<Ports, 'clock' | 'listener'>, event: Untimed): void {
  ports.listener.tell({ ...event, atMs: ports.clock.monotonic() } as Event)
}
