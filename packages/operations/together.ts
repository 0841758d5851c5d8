import { Failure, asFailure } from '#kernel'
import { convoyOf } from './convoy.ts'
import type { Ports } from './ports.ts'

/** Ports of one host, and how it is called. */
export interface HostPorts {
  readonly name: string
  readonly ports: Ports
}

/**
 * Does one operation on every host, together. When one fails, the others stop and take back what they did; then the first
 * failure is thrown, which names its host.
 * @param batch how many hosts shift traffic at the same time
 */
export async function together<Report>(
  hosts: readonly HostPorts[],
  batch: number,
  signal: AbortSignal,
  work: (ports: Ports, signal: AbortSignal) => Promise<Report>,
): Promise<readonly Report[]> {
  const [only] = hosts
  if (only !== undefined && hosts.length === 1) return [await work(only.ports, signal)]
  const convoy = convoyOf(
    hosts.map(({ name }) => name),
    Math.max(1, batch),
  )
  const failures: Failure[] = []
  const ends = await Promise.allSettled(
    hosts.map(async ({ name, ports }, at) => {
      const member = convoy.members[at]
      try {
        const own = member === undefined ? ports : { ...ports, convoy: member }
        const report = await work(own, AbortSignal.any([signal, convoy.signal]))
        member?.left()
        return report
      } catch (thrown) {
        const failure = asFailure(thrown)
        failures.push(named(name, failure))
        member?.failed(failure)
        throw failure
      }
    }),
  )
  // The others end because of it, and may be quicker in ending.
  const cause = failures.find(({ code }) => code !== 'HOST_FAILED') ?? failures[0]
  if (cause !== undefined) throw cause
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
}

function named(name: string, failure: Failure): Failure {
  const { code, message, hint, field } = failure
  // What the way to a host says names it already.
  return new Failure(code, message.startsWith(name) ? message : `${name}: ${message}`, {
    cause: failure,
    ...(hint === undefined ? {} : { hint }),
    ...(field === undefined ? {} : { field }),
  })
}
