import { Failure } from '#kernel'
import type { Probe, ProbeRequest, Shell } from '#kernel'
import { asserting } from './assert.ts'
import { checkRequest } from './check.ts'
import { httpProbe } from './http.ts'
import { kindOf } from './kinds.ts'

export interface ProbeShells {
  /** This machine. */
  readonly shell: Shell
  /** The hosts that a request can name. */
  readonly hosts?: ReadonlyMap<string, Shell>
}

/** Looks by whatever a request's URL names; commands and containers are looked at on the host that it names, or here. */
export function probes({ shell, hosts }: ProbeShells): Probe {
  const made = new Map<string, Probe>()
  const of = ({ url, on }: ProbeRequest): Probe => {
    const protocol = protocolOf(url)
    const place = on === undefined ? shell : hosts?.get(on)
    if (place === undefined) throw new Failure('INPUT_INVALID', `there is no host ${on}`, { field: 'hosts' })
    const key = `${protocol} ${on ?? ''}`
    const probe = made.get(key) ?? kindOf(protocol)?.make(place)
    if (probe === undefined)
      throw new Failure('INPUT_INVALID', 'the URL has no protocol that can be probed', { field: 'url' })
    made.set(key, probe)
    return probe
  }
  const http = httpProbe(asserting)
  return {
    once: async (request, signal) => of(request).once(request, signal),
    check: checkRequest,
    keeping(uses) {
      const kept = http.keeping?.(uses)
      return {
        once: async (request, signal) =>
          (/^https?:$/.test(protocolOf(request.url)) ? (kept ?? http) : of(request)).once(request, signal),
        check: checkRequest,
        [Symbol.dispose]: () => kept?.[Symbol.dispose](),
      }
    },
    warm: () => http.warm?.(),
  }
}

function protocolOf(url: string): string {
  return /^[a-z]+:/i.exec(url)?.[0].toLowerCase() ?? ''
}
