import { BlockList, isIP } from 'node:net'
import { Failure } from '#kernel'
import type { Host } from '#kernel'

/** Addresses of a name; none when there is no such name, null when nobody can tell. */
export type Lookup = (domain: string) => Promise<readonly string[] | null>

/**
 * Refuses domains that certainly lead elsewhere, before anything is changed: an authority would not find us there, and counts the try. A
 * host behind a translated address does not know how it is seen from outside; then it is the authority that tells.
 * `known`: addresses of the host that are known from elsewhere.
 * @throws Failure DOMAIN_ELSEWHERE naming where each of them leads
 */
export async function refuseElsewhere(
  host: Host,
  domains: readonly string[],
  lookup: Lookup,
  known: readonly string[] = [],
): Promise<void> {
  if (domains.length === 0) return
  const own = [...(await addressesOf(host)), ...known]
  const looked = await Promise.all(domains.map(async (domain) => ({ domain, leads: await lookup(domain) })))
  const faults = looked.flatMap(({ domain, leads }) => (leads === null ? null : faultOf(domain, leads, own)) ?? [])
  if (faults.length === 0) return
  throw new Failure('DOMAIN_ELSEWHERE', `no certificate can be had: ${faults.join('; ')}`, {
    field: 'domain',
    hint: 'Let the domain lead to this host (an A or AAAA record). Is there a proxy in between that passes plain HTTP on? Then give force and a reason, once. Or take tls: off.',
  })
}

function faultOf(domain: string, leads: readonly string[], own: readonly string[]): string | null {
  if (leads.length === 0) return `${domain} has no address`
  if (leads.some((address) => own.includes(address))) return null
  const isKnown = leads.some((lead) => own.some((each) => isPublic(each) && isIP(each) === isIP(lead)))
  return isKnown
    ? `${domain} leads to ${leads.slice(0, 3).join(', ')}, and this host is ${publicOnly(own).join(', ')}`
    : null
}

/** The addresses that the machine itself has. */
async function addressesOf(host: Host): Promise<readonly string[]> {
  const { stdout, exitCode } = await host.look({
    argv: ['sh', '-c', 'ip -o address show 2>/dev/null || hostname -I'],
    okCodes: [0, 1, 127],
    timeoutMs: 10_000,
  })
  if (exitCode !== 0) return []
  return stdout.split(/\s+/).flatMap((word) => {
    const address = word.replace(/\/[0-9]+$/, '')
    return isIP(address) === 0 ? [] : [address]
  })
}

function publicOnly(addresses: readonly string[]): readonly string[] {
  return addresses.filter(isPublic).slice(0, 3)
}

/** Not private, shared, loopback or link-local: RFC 1918, 6598, 1122, 3927, 4193, 4291. */
function isPublic(address: string): boolean {
  return !inner.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

const inner = new BlockList()
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['0.0.0.0', 8],
] as const)
  inner.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
] as const)
  inner.addSubnet(net, bits, 'ipv6')
