import { properRules, runtimePort } from '../haproxy/config.ts'
import { insideFolder } from '../haproxy/shape.ts'

/** Rises when the configuration changes in a way that a running ingress cannot be told: then it is replaced. */
export const configVersion = 2

/** Ports inside the ingress's network: for what came over plain HTTP, for what TLS was taken off, and for questions about domains. */
export const ports = { plain: 8080, tls: 8081, ask: 8082 } as const

export const routesMap = `${insideFolder}/routes.map`
export const proxiesMap = `${insideFolder}/proxies.map`
export const domainsMap = `${insideFolder}/domains.map`

export interface IngressShape {
  /** Who takes TLS off, in the ingress's own network; nobody else may say that it did. */
  readonly tlsAddress: string
  /** The ports that clients see. */
  readonly httpPort: number
  readonly httpsPort: number
}

/**
 * The whole configuration; it knows no app. Which there are stands in two maps that are replaced whole while it runs, so that one that
 * comes or goes closes no connection.
 */
export function configOf(shape: IngressShape): string {
  const sections = [base, plainFront(shape), tlsFront(shape), askFront(shape), backends(shape)]
  return `# Written by Switchyard; replaced when it changes.\n${sections.join('\n\n')}\n`
}

/**
 * What is no proper HTTP is refused by HAProxy itself: two lengths that differ, bytes that are none of a header, more than 15 kB or 100
 * lines of headers. Names with an underscore, which programs take for others, are dropped. An app whose router is being replaced is tried
 * again for some seconds before its clients see 503. How long an app may take is its own router's to say.
 */
const base = `global
  fd-hard-limit 50000
  stats socket ipv4@127.0.0.1:${runtimePort} level admin
  stats timeout 30s
  hard-stop-after 30s

defaults
  mode http
  option http-restrict-req-hdr-names delete
  retries 5
  retry-on conn-failure
  timeout connect 1s
  timeout client 75s
  timeout http-keep-alive 75s
  timeout http-request 10s
  timeout server 1h
  timeout tunnel 1h`

/** A host with a slash in it would choose a path. A domain's line: how it has TLS, what plain HTTP does, seconds of HSTS. */
const domainRules = `${properRules}
  http-request deny deny_status 400 unless { req.hdr(host) -m reg ^[A-Za-z0-9.-]+(:[0-9]+)?$ }
  http-request set-var(txn.host) req.hdr(host),field(1,:),regsub(\\\\.$,),lower
  http-request set-var(txn.domain) var(txn.host),map_str(${domainsMap})`

/** `/api` is found for /api and for all below it, never for /apiary: both sides end with a slash, and the longest line wins. */
const routeRules = `  http-request set-var(txn.path) path
  http-request set-var(txn.key) var(txn.host),concat(,txn.path,/)
  http-request set-var(txn.app) var(txn.key),map_beg(${routesMap})
  http-request return status 404 content-type text/plain string "nothing answers here\\n" unless { var(txn.app) -m found }
  http-request set-dst var(txn.app),field(1,:)
  http-request set-dst-port var(txn.app),field(2,:)
  default_backend apps`

/**
 * What a client says about itself is no evidence: it is removed and said anew. A proxy that is trusted is believed about the client's
 * address, scheme and host, and about nothing else. Needs the ACL `trusted`.
 */
function clientRules(address: string, scheme: string, port: number): string {
  return `  http-request del-header ^(x-forwarded-.*|forwarded|x-real-ip)$ -m reg unless trusted
  http-request del-header ^(x-forwarded-${notOneOf(['for', 'proto', 'host'])}|forwarded|x-real-ip)$ -m reg if trusted
  http-request set-header x-forwarded-for ${address} unless trusted { req.hdr(x-forwarded-for) -m found }
  http-request set-header x-forwarded-host %[req.hdr(host)] unless trusted { req.fhdr(x-forwarded-host) -m reg ^[A-Za-z0-9.-]+(:[0-9]+)?$ }
  acl told_http req.fhdr(x-forwarded-proto) -m str -i http
  acl told_https req.fhdr(x-forwarded-proto) -m str -i https
  http-request set-header x-forwarded-port ${port}
  http-request set-header x-forwarded-port 80 if trusted told_http
  http-request set-header x-forwarded-port 443 if trusted told_https
  http-request set-header x-forwarded-proto ${scheme} unless trusted told_http or trusted told_https`
}

/** A pattern, for engines that cannot look ahead, of every text but these; no two begin alike. */
function notOneOf(words: readonly string[]): string {
  const not = (word: string): string =>
    word === '' ? '.+' : `([^${word.charAt(0)}].*|${word.charAt(0)}${not(word.slice(1))})?`
  const first = words.map((word) => word.charAt(0)).join('')
  return `([^${first}].*|${words.map((word) => word.charAt(0) + not(word.slice(1))).join('|')})?`
}

/** A challenge goes to whoever gets the certificates, and only for domains that he may get one for. */
function plainFront({ httpPort, httpsPort }: IngressShape): string {
  const origin = `https://%[var(txn.host)]${httpsPort === 443 ? '' : `:${httpsPort}`}`
  return `frontend plain
  bind :${ports.plain}
${domainRules}
  acl challenged path_beg /.well-known/acme-challenge/
  acl certified var(txn.domain) -m beg auto:
  http-request allow if challenged certified
  acl trusted src,map_ip(${proxiesMap}) -m found
  acl redirects var(txn.domain),field(2,:) -m str redirect
  acl came_by_https req.fhdr(x-forwarded-proto) -m str -i https
  http-request redirect code 308 location ${origin}%[pathq] if redirects !trusted or redirects !came_by_https
  http-request add-header x-forwarded-for %[src] if trusted
${clientRules('%[src]', 'http', httpPort)}
${routeRules}
  use_backend challenge if challenged certified`
}

function tlsFront({ tlsAddress, httpsPort }: IngressShape): string {
  return `frontend tls
  bind :${ports.tls}
  tcp-request connection reject unless { src ${tlsAddress} }
${domainRules}
  http-request set-var(txn.client) req.hdr_ip(x-forwarded-for,-1)
  acl trusted var(txn.client),map_ip(${proxiesMap}) -m found
${clientRules('%[var(txn.client)]', 'https', httpsPort)}
  http-response set-header strict-transport-security max-age=%[var(txn.domain),field(3,:)] if { var(txn.domain),field(3,:) -m reg ^[1-9] }
${routeRules}`
}

function askFront({ tlsAddress }: IngressShape): string {
  return `frontend ask
  bind :${ports.ask}
  tcp-request connection reject unless { src ${tlsAddress} }
  http-request set-var(txn.domain) url_param(domain),lower,map_str(${domainsMap})
  http-request return status 200 content-type text/plain string "ours\\n" if { path /ask } { var(txn.domain) -m beg auto: }
  http-request return status 404 content-type text/plain string "not ours\\n"`
}

/** One server for all apps: where a request goes was decided by its route. */
function backends({ tlsAddress }: IngressShape): string {
  return `backend apps
  server app 0.0.0.0

backend challenge
  server tls ${tlsAddress}:80`
}
