import { runtimePort } from '../haproxy/config.ts'
import { insideFolder } from '../haproxy/shape.ts'

/** Rises when the configuration changes in a way that a running ingress cannot be told: then it is replaced. */
export const configVersion = 1

/** Ports inside the ingress's network: for what came over plain HTTP, for what TLS was taken off, and for questions about domains. */
export const ports = { plain: 8080, tls: 8081, ask: 8082 } as const

export const routesMap = `${insideFolder}/routes.map`
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
const domainRules = `  http-request deny deny_status 405 if METH_CONNECT
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

/** What a client says about itself is no evidence: it is removed and said anew. */
function clientRules(address: string, scheme: string, port: number): string {
  return `  http-request del-header ^(x-forwarded-.*|forwarded|x-real-ip)$ -m reg
  http-request set-header x-forwarded-for ${address}
  http-request set-header x-forwarded-host %[req.hdr(host)]
  http-request set-header x-forwarded-proto ${scheme}
  http-request set-header x-forwarded-port ${port}`
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
  http-request redirect code 308 location ${origin}%[pathq] if { var(txn.domain),field(2,:) -m str redirect }
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
