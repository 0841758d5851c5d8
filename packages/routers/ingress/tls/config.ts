import { domainPattern } from '#kernel'

/** Rises when the configuration changes in a way that a running front cannot be told: then it is replaced. */
export const configVersion = 2

/** Where things are inside the container: what is mounted from the state folder, and a volume of its own for what it was given by ACME. */
export const insideFolder = '/etc/switchyard'
export const dataFolder = '/data'

export const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory'

/** Of what certificates are ordered with. */
export interface Acme {
  /** Directory of the ACME server. */
  readonly directory: string
  /** Told to the authority, which may write to it; empty for none. */
  readonly email: string
  /** Roots that the ACME server itself is trusted by, as PEM; empty for the well-known ones. */
  readonly root: string
}

/** The ingress, as `address:port`: what it is asked, and where requests go. */
export interface Behind {
  readonly ask: string
  readonly front: string
}

/**
 * The whole configuration. It names no domain, because Caddy closes its clients' connections when it is given another one: what there
 * is a certificate for is asked of the ingress at a handshake, and the team's own certificates are files, looked for at each
 * handshake by a server of Caddy's own on its loopback.
 */
export function configOf(acme: Acme, behind: Behind): string {
  const config = {
    admin: { disabled: true, config: { persist: false } },
    logging: { logs: { default: { level: 'INFO', encoder: { format: 'json' } } } },
    storage: { module: 'file_system', root: `${dataFolder}/caddy` },
    apps: {
      tls: { automation: automation(acme, behind) },
      http: { servers: { tls: tlsServer(behind), challenge: challengeServer, own: ownServer } },
    },
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

const ownPort = 2020

function automation({ directory, email, root }: Acme, behind: Behind): object {
  const issuer = {
    module: 'acme',
    ca: directory,
    ...(email === '' ? {} : { email }),
    ...(root === '' ? {} : { trusted_roots_pem_files: [`${insideFolder}/acme-root.pem`] }),
  }
  return {
    policies: [
      { on_demand: true, issuers: [issuer], get_certificate: [{ via: 'http', url: `http://127.0.0.1:${ownPort}/` }] },
    ],
    on_demand: { permission: { module: 'http', endpoint: `http://${behind.ask}/ask` } },
  }
}

/**
 * Idle connections to the ingress end before it ends them (75 s), so that no request meets one that is just being closed; a connection
 * that cannot be made is tried again for ten seconds, so that an ingress that is being replaced costs time and no request.
 */
function proxy({ front }: Behind, versions: readonly string[]): object {
  return {
    handler: 'reverse_proxy',
    upstreams: [{ dial: front }],
    load_balancing: { try_duration: '10s', try_interval: '100ms' },
    // Whom to believe is for the ingress to say: it finds the address that a request came from at the end of the list.
    trusted_proxies: ['0.0.0.0/0', '::/0'],
    headers: { request: { delete: ['Via'] }, response: { delete: ['Via'] } },
    transport: {
      protocol: 'http',
      versions,
      compression: false,
      dial_timeout: '2s',
      keep_alive: { idle_timeout: '60s', max_idle_conns_per_host: 512 },
    },
  }
}

/** A Host that is not what the handshake was for is answered 421. Trailers of gRPC need HTTP/2 on the way to the ingress too. */
function tlsServer(behind: Behind): object {
  return {
    ...closed,
    listen: [':443'],
    protocols: ['h1', 'h2'],
    strict_sni_host: true,
    tls_connection_policies: [{}],
    routes: [
      {
        match: [{ header: { 'Content-Type': ['application/grpc*'] } }],
        handle: [proxy(behind, ['h2c', '2'])],
        terminal: true,
      },
      { handle: [proxy(behind, ['1.1'])] },
    ],
  }
}

/** Configured by us alone; the limits are those of HAProxy behind it or a little wider, so that it is HAProxy that refuses. */
const closed = {
  automatic_https: { disable: true },
  read_header_timeout: '10s',
  idle_timeout: '75s',
  max_header_bytes: 65_536,
}

/** Caddy answers challenges itself on the port of plain HTTP; the ingress sends nothing else here. */
const challengeServer = {
  ...closed,
  listen: [':80'],
  protocols: ['h1'],
  routes: [{ handle: [{ handler: 'static_response', status_code: 404 }] }],
}

const certificatesFolder = `${insideFolder}/certificates`
const serverName = '{http.request.uri.query.server_name}'

/** 204 says that there is no certificate of the team's own: then it is one of ACME, or none. A name that is no domain is no file. */
const ownServer = {
  ...closed,
  listen: [`127.0.0.1:${ownPort}`],
  protocols: ['h1'],
  routes: [
    {
      match: [
        {
          vars_regexp: { [serverName]: { pattern: goPattern(domainPattern) } },
          file: { root: certificatesFolder, try_files: [`/${serverName}.pem`] },
        },
      ],
      handle: [
        { handler: 'rewrite', uri: '{http.matchers.file.relative}' },
        { handler: 'file_server', root: certificatesFolder },
      ],
      terminal: true,
    },
    { handle: [{ handler: 'static_response', status_code: 204 }] },
  ],
}

/** Go's expressions look neither ahead nor behind; the length is the file system's to refuse. */
function goPattern({ source }: RegExp): string {
  return source.replace('(?=.{1,253}$)', '')
}
