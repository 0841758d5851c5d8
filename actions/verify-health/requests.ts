import type { ProbeRequest, ProbeTls } from '#kernel'
import type { Inputs } from './inputs.ts'

/** How every address of this run is reached. */
function wayOf(inputs: Inputs): Pick<ProbeRequest, 'timeoutMs' | 'tls' | 'socketPath'> {
  const { ca, insecure, timeout, socket, 'client-cert': cert, 'client-key': key } = inputs
  const tls: ProbeTls = {
    ...(ca === '' ? {} : { ca }),
    ...(cert === '' ? {} : { cert, key }),
    ...(insecure ? { insecure } : {}),
  }
  return {
    timeoutMs: timeout,
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(socket === '' ? {} : { socketPath: socket }),
  }
}

/** What is asked of an address whose answer must be what the inputs say. */
export function requestTo(url: string, inputs: Inputs): ProbeRequest {
  const { method, headers, body, status, expect, redirects } = inputs
  return {
    url,
    method,
    redirects,
    ...wayOf(inputs),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === '' ? {} : { body }),
    ...(status.length === 0 ? {} : { statuses: status }),
    ...(expect.length === 0 ? {} : { assertions: expect }),
  }
}

/** A plain look at an address: the inputs' headers, but neither their method nor what an answer must say. */
export function lookAt(url: string, inputs: Inputs): ProbeRequest {
  const { headers } = inputs
  return { url, ...wayOf(inputs), ...(Object.keys(headers).length === 0 ? {} : { headers }) }
}

/** What else must be good before the gate opens; commands and containers on every host where they are looked at on hosts. */
export function probeRequests(inputs: Inputs): readonly ProbeRequest[] {
  const { timeoutMs, tls } = wayOf(inputs)
  return inputs.probes.flatMap(({ url, command }) => {
    const request: ProbeRequest = {
      url,
      timeoutMs,
      ...(tls === undefined ? {} : { tls }),
      ...(command === undefined ? {} : { command }),
    }
    return isOnHosts(inputs, url) ? inputs.hosts.map((on) => ({ ...request, on })) : [request]
  })
}

/** The hosts that something is looked at on; none has to be reached for anything else. */
export function hostsAsked(inputs: Inputs): readonly string[] {
  return inputs.probes.some(({ url }) => isOnHosts(inputs, url)) ? inputs.hosts : []
}

function isOnHosts(inputs: Inputs, url: string): boolean {
  return inputs['probes-run-in'] === 'host' && inputs.hosts.length > 0 && /^(?:command|container):/.test(url)
}
