import { Failure } from '#kernel'
import type { Probe, ProbeRequest, Shell } from '#kernel'
import { asserting } from './assert.ts'
import { checkRequest } from './check.ts'
import { httpProbe } from './http.ts'
import { kindOf } from './kinds.ts'

/** Looks by whatever a request's URL names; commands and containers are looked at where the Shell runs. */
export function probes({ shell }: { readonly shell: Shell }): Probe {
  const made = new Map<string, Probe>()
  const of = ({ url }: ProbeRequest): Probe => {
    const protocol = protocolOf(url)
    const probe = made.get(protocol) ?? kindOf(protocol)?.make(shell)
    if (probe === undefined)
      throw new Failure('INPUT_INVALID', 'the URL has no protocol that can be probed', { field: 'url' })
    made.set(protocol, probe)
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
