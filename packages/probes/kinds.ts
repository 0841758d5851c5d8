import type { Probe, ProbeRequest, Shell } from '#kernel'
import { asserting } from './assert.ts'
import { commandOf, commandProbe } from './command.ts'
import { containerOf, containerProbe } from './container.ts'
import { httpProbe } from './http.ts'
import { placeOf, tcpProbe } from './tcp.ts'

export interface ProbeKind {
  make(shell: Shell): Probe
  /** Reads its own part of a request. @throws Failure INPUT_INVALID. */
  check(request: ProbeRequest): unknown
  /** Connects from this machine to what the URL's host resolves to. */
  readonly connects: boolean
}

/** Every kind of probe by the protocol of its URL. */
const kinds: Readonly<Record<string, ProbeKind>> = {
  'http:': { make: () => httpProbe(asserting), check: () => undefined, connects: true },
  'https:': { make: () => httpProbe(asserting), check: () => undefined, connects: true },
  'tcp:': { make: tcpProbe, check: placeOf, connects: true },
  'container:': { make: containerProbe, check: containerOf, connects: false },
  'command:': { make: commandProbe, check: commandOf, connects: false },
}

export const protocols: readonly string[] = Object.keys(kinds)

/** The kind of a protocol such as `https:`. */
export function kindOf(protocol: string): ProbeKind | undefined {
  return Object.hasOwn(kinds, protocol) ? kinds[protocol] : undefined
}
