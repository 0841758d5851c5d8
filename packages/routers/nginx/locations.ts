import { instanceHeader, slotHeader } from '#kernel'
import { probeHeader, tries } from './config.ts'
import type { ConfigInput } from './config.ts'
import { limitsOf, tooLarge } from '../limits.ts'
import { weightLink } from './shape.ts'

type Kind = 'request' | 'socket'

/**
 * Answers everything below `/` from the slot whose turn it is. A request of which nothing was sent is looked up again and goes on to
 * the next instance: while nginx took its body, its slot may have been switched away from and stopped. One that an instance may have
 * begun with is never sent twice.
 */
export function locations(input: ConfigInput): string {
  const { prefix } = input
  return [
    entry(input),
    refusal(input),
    ...tries.slice(1).map((number) => again(input, 'request', number)),
    socket(input, 1),
  ]
    .concat(tries.slice(1).map((number) => again(input, 'socket', number)))
    .filter((text) => text !== '')
    .map((text) => text.replaceAll('$_', `$${prefix}_`))
    .join('\n\n')
}

function entry(input: ConfigInput): string {
  return `location / {
${choosing(input)}
  error_page 418 = ${named(input, 'socket', 1)};
${bodyLines(input)}  if ($_is_socket) { return 418; }
${attempt(input, 'request', 1)}
}`
}

/** Only where the app asks for a limit: else it is the one of the team's server {}, and of our own there is none. */
function bodyLines({ prefix, limits }: ConfigInput): string {
  if (limits?.maxBodyBytes === undefined) return ''
  return `  client_max_body_size ${limits.maxBodyBytes};\n  error_page 413 @${prefix}_too_large;\n`
}

function refusal({ prefix, limits }: ConfigInput): string {
  if (limits?.maxBodyBytes === undefined) return ''
  return `location @${prefix}_too_large {
  default_type text/plain;
  return 413 "${tooLarge}\\n";
}`
}

/** Looks up who answers now: the slot by the weights, then the slot's instances. */
function choosing({ folder, prefix }: ConfigInput): string {
  return `  root "${folder}/$_link";
  default_type text/plain;
  set $_link ${weightLink};
  set $_weight none;
  if ($realpath_root ~ '/at/weight-([0-9]+)$') { set $_weight $1; }
  if ($_slot = '') { add_header Retry-After 2 always; return 503 "no release is live\\n"; }
  set $_link $_slot-1;
${listing(prefix)}
  if ($_list = '') { return 503 "the live release has no instance\\n"; }`
}

/**
 * Reads the instances of a link. `set` would look the link up twice, for the length and for the text, and a change in between would fail
 * the request with 500 (`no buffer space in script copy`); `if` looks once.
 */
export function listing(prefix: string): string {
  return `  set $${prefix}_list '';
  if ($realpath_root ~ '/at/((?:[0-9.]+:[0-9]+,)+)$') { set $${prefix}_list $1; }`
}

function socket(input: ConfigInput, number: number): string {
  return `location ${named(input, 'socket', number)} {
${attempt(input, 'socket', number)}
}`
}

function again(input: ConfigInput, kind: Kind, number: number): string {
  return `location ${named(input, kind, number)} {
  set $_sent "$upstream_bytes_sent|$upstream_status";
  if ($_sent ~ '[1-9][0-9]*[|](?:.*[ ,:])?504$') { return 504; }
  if ($upstream_bytes_sent !~ '(?:^|[ ,:])0$') { return 502; }
${choosing(input)}
${attempt(input, kind, number)}
}`
}

/** The keep-alive of a socket's connection shows in the kernel's table: that tells sockets from requests when they are counted. */
function attempt(input: ConfigInput, kind: Kind, number: number): string {
  const { prefix } = input
  const isLast = number === tries.at(-1)
  return `${passing(input, `$${prefix}_try${number}`, kind)}
  proxy_connect_timeout 1s;
${kind === 'socket' ? socketLines : '  proxy_set_header Connection close;'}
${isLast ? '' : `  error_page 502 504 = ${named(input, kind, number + 1)};\n  recursive_error_pages on;\n`}  if ($_is_probe) { add_header ${slotHeader} $_slot always; }`
}

const socketLines = `  proxy_set_header Connection upgrade;
  proxy_set_header Upgrade websocket;
  proxy_socket_keepalive on;`

const socketMs = 3_600_000

function named({ prefix }: ConfigInput, kind: Kind, number: number): string {
  return `@${prefix}_${kind}_${number}`
}

/** A connection for each request, so that none is sent into one that the app is closing. */
export function passing({ prefix, limits }: ConfigInput, address: string, kind: Kind = 'request'): string {
  const silentMs = kind === 'socket' ? socketMs : limitsOf(limits).requestTimeoutMs
  return `  proxy_read_timeout ${silentMs}ms;
  proxy_send_timeout ${silentMs}ms;
  proxy_pass http://${address};
  proxy_http_version 1.1;
  proxy_intercept_errors off;
  proxy_redirect off;
  proxy_next_upstream off;
  proxy_set_header Host $${prefix}_named;
  proxy_set_header X-Forwarded-For $${prefix}_for;
  proxy_set_header X-Forwarded-Proto $${prefix}_proto;
  proxy_set_header X-Forwarded-Host $${prefix}_host;
  proxy_set_header ${probeHeader} '';
  proxy_set_header ${instanceHeader} '';
  proxy_hide_header ${slotHeader};`
}
