import { createHash } from 'node:crypto'
import { slotHeader, slots } from '#kernel'
import { defaultMaxBodyBytes, limitsOf } from '../limits.ts'
import type { Limits } from '../limits.ts'
import { listing, locations, passing } from './locations.ts'
import { controlOffset, laneCount, laneLink, previewOffset, serverCount, logFiles, serverFiles } from './shape.ts'

/** What the configuration is made from; nothing of it changes from release to release. */
export interface ConfigInput {
  readonly folder: string
  readonly prefix: string
  readonly secret: string
  readonly bind: string
  readonly listen: number
  readonly previews: number
  /** Path of the log that requests are counted from; empty: none. */
  readonly log: string
  /** What the app asks for; what is left out, the team's own server {} decides. */
  readonly limits?: Limits | undefined
}

/**
 * Rises when an older configuration that is still loaded can no longer be told what there is to tell. Anything else that changes in it
 * is written down, and in force whenever the team next loads its configuration: no deploy is to cost a load of it.
 */
export const configVersion = 1

/** A probe that carries the secret in this header is told the slot; the app never sees it. */
export const probeHeader = 'x-switchyard-probe'

const notice = '# Written by Switchyard; replaced when it changes.\n'

/** What the team's `http {}` includes. */
export function httpConfOf(input: ConfigInput): string {
  return `${notice}\n${[maps(input), front(input), previews(input), control(input)].join('\n\n')}\n`
}

/** What a running nginx shows of the configuration that it has: it is loaded anew only where that is another than it should be. */
export function markOf(input: ConfigInput): string {
  const words = [
    configVersion,
    input.folder,
    input.prefix,
    input.secret,
    input.bind,
    input.listen,
    input.previews,
    input.log,
    ...(input.limits === undefined ? [] : [limitsOf(input.limits)]),
  ]
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 16)
}

/** What a `server {}` includes: ours, and the team's own if it likes. */
export function serverConfOf(input: ConfigInput): string {
  return `${notice}\n${locations(input)}\n`
}

/** What makes a `server {}` write the log that requests are counted from. */
export function logConfOf({ log, prefix }: ConfigInput): string {
  return `${notice}\n${log === '' ? '' : `access_log "${log}" ${prefix};\n`}uninitialized_variable_warn off;\n`
}

/**
 * Who gets a request, from what was read of the links. A share is only drawn while there is one. Those that follow from a link are
 * volatile, because a request may be looked up again.
 */
function maps({ prefix, secret, previews: first }: ConfigInput): string {
  const counts = Array.from({ length: serverCount - 1 }, (_, at) => at + 2)
  const lanes = slots.flatMap((slot) => Array.from({ length: laneCount }, (_, index) => ({ slot, index })))
  return `map $http_x_switchyard_probe $${prefix}_is_probe {
  default '';
  ~^${secret}$ 1;
}

# A connection from this machine is one of the team's own proxies; what others say of themselves is not passed on.
map $remote_addr $${prefix}_is_near {
  default '';
  ~^127\\. 1;
  ::1 1;
  unix: 1;
}
map $${prefix}_is_near $${prefix}_for {
  default $remote_addr;
  1 $proxy_add_x_forwarded_for;
}
map $${prefix}_is_near|$http_x_forwarded_proto $${prefix}_proto {
  default $scheme;
  ~^1\\|https?$ $http_x_forwarded_proto;
}
map $${prefix}_is_near|$http_x_forwarded_host $${prefix}_host {
  default $${prefix}_named;
  ~^1\\|. $http_x_forwarded_host;
}
map $http_host $${prefix}_named {
  default $http_host;
  '' $host;
}
map $http_upgrade $${prefix}_is_socket {
  default '';
  ~*^websocket$ 1;
}

map $${prefix}_weight $${prefix}_slot {
  volatile;
  default $${prefix}_drawn;
  '' '';
  none '';
  0 blue;
  100 green;
}
# Is the draw below the weight? Both have two digits here.
map $${prefix}_draw/$${prefix}_weight $${prefix}_drawn {
  volatile;
  default blue;
  '~${belowPattern}' green;
}
split_clients $request_id $${prefix}_draw {
${percents.map((draw) => `  1% ${twoDigits(draw)};`).join('\n')}
  * 99;
}

map $${prefix}_list $${prefix}_turn {
  volatile;
  default 1;
${counts.map((count) => `  '~^(?:[^,]+,){${count}}$' $${prefix}_of${count};`).join('\n')}
}
${counts.map((count) => splitBetween(prefix, count)).join('\n')}
# The list from the instance whose turn it is.
map $${prefix}_turn/$${prefix}_list $${prefix}_order {
  volatile;
  default $${prefix}_list;
${counts.map((count) => `  '~^${count}/((?:[^,]+,){${count - 1}})(.+)$' $2$1;`).join('\n')}
}
${tries.map((number) => nth(prefix, number)).join('\n')}

map $server_port $${prefix}_preview {
  default none;
${lanes.map(({ slot, index }) => `  ${first + previewOffset(slot, index)} ${laneLink(slot, index)};`).join('\n')}
}
map $${prefix}_preview $${prefix}_preview_slot {
  default '';
${slots.map((slot) => `  ~^${slot}- ${slot};`).join('\n')}
}
map $http_x_switchyard_instance/$${prefix}_list $${prefix}_asked {
  volatile;
  default '';
  '~^/([^,]+),' $1;
${[1, ...counts].map((number) => `  '~^${number}/(?:[^,]+,){${number - 1}}([^,]+),' $1;`).join('\n')}
}`
}

const percents = Array.from({ length: 99 }, (_, percent) => percent)

/** A request that could not be connected goes on to the next instance, so many times in all. */
export const tries = [1, 2, 3] as const

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

/** `ab/cd` or `ab/d`, and ab is less than cd: nginx compares texts only. */
export const belowPattern = ((): string => {
  const below = (join: (low: number, digits: string) => string) =>
    Array.from({ length: 9 }, (_, low) => join(low, low === 8 ? '9' : `[${low + 1}-9]`)).join('|')
  const oneDigit = `0(?:${below((low, digits) => `${low}/${digits}`)})$`
  const tens = `(?:${below((low, digits) => `${low}./${digits}`)}).$`
  const ones = `(.)(?:${below((low, digits) => `${low}/\\1(?:${digits})`)})$`
  return `^(?:${oneDigit}|${tens}|${ones})`
})()

function splitBetween(prefix: string, count: number): string {
  const share = (Math.floor(10_000 / count) / 100).toFixed(2)
  const parts = Array.from({ length: count - 1 }, (_, at) => ` ${share}% ${at + 1};`).join('')
  return `split_clients instance$request_id $${prefix}_of${count} {${parts} * ${count}; }`
}

/** The instance for one more attempt; where there are no more of them, the first again. */
function nth(prefix: string, number: number): string {
  const further = number === 1 ? '' : ` '~^(?:[^,]+,){${number - 1}}([^,]+),' $1;`
  return `map $${prefix}_order $${prefix}_try${number} { volatile; default '';${further} '~^([^,]+),' $1; }`
}

function front({ folder, prefix, bind, listen }: ConfigInput): string {
  return `# Requests are counted from a log of these lines.
log_format ${prefix} 'slot=$${prefix}_slot $status $request_time';
server {
  listen ${bind.includes(':') ? `[${bind}]` : bind}:${listen};
  server_name _;
  client_max_body_size ${defaultMaxBodyBytes};
  include "${folder}/${logFiles}";
  include "${folder}/${serverFiles}";
}`
}

/** A slot without traffic, on loopback: all lanes of both slots in one server, told apart by their ports. */
function previews(input: ConfigInput): string {
  const { folder, prefix, previews: first } = input
  return `server {
  listen 127.0.0.1:${first}-${first + controlOffset - 1};
  server_name _;
  client_max_body_size ${defaultMaxBodyBytes};
  access_log off;
  location / {
    root "${folder}/$${prefix}_link";
    default_type text/plain;
    set $${prefix}_weight none;
    set $${prefix}_link $${prefix}_preview;
${listing(prefix)}
    if ($${prefix}_asked = '') { return 503 "no such instance\\n"; }
${passing(input, `$${prefix}_asked`)}
    proxy_connect_timeout 250ms;
    if ($${prefix}_is_probe) { add_header ${slotHeader} $${prefix}_preview_slot always; }
  }
}`
}

/** Where nginx says which configuration it has and what it sees: that is what a change is read back from. */
function control(input: ConfigInput): string {
  const { folder, prefix, previews: first } = input
  return `server {
  listen 127.0.0.1:${first + controlOffset};
  server_name _;
  access_log off;
  location ~ "^/(weight|(?:blue|green)-[1-${laneCount}])$" {
    root "${folder}/$${prefix}_link";
    default_type text/plain;
    set $${prefix}_link $1;
    return 200 "switchyard ${markOf(input)} $${prefix}_link $realpath_root\\n";
  }
}`
}
