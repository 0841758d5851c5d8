import { instanceHeader, slotHeader, slots } from '#kernel'
import type { Slot, Weights } from '#kernel'
import {
  frontName,
  frontPort,
  insideFolder,
  laneCount,
  laneName,
  previewName,
  previewPort,
  protocolOf,
  protocols,
  serverCount,
  serverName,
  socketName,
} from './shape.ts'
import type { Lane, LanesOfSlots } from './shape.ts'
import { bodyRules, timeoutRule } from './limits.ts'

/** Rises when the configuration changes in a way that a running router cannot be told: then it is replaced. */
export const configVersion = 2

/** A probe that carries the secret in this header is told the slot; the app never sees it. */
export const probeHeader = 'x-switchyard-probe'

/** The runtime API listens inside the container only; whoever may run `docker exec` owns the engine anyway. */
export const runtimePort = 9999

export const weightMap = `${insideFolder}/weight.map`
export const healthMap = `${insideFolder}/health.map`

/**
 * The whole configuration. What the runtime API changes later (addresses, weights, health paths) is written here and to the maps as
 * well, so that a restart of the router agrees with what it did before.
 */
export function configOf(lanes: LanesOfSlots, fronts = 1, behind: string | null = null): string {
  const places = slots.flatMap((slot) =>
    Array.from({ length: laneCount }, (_, index) => ({ slot, index, lane: lanes[slot][index] ?? undefined })),
  )
  const sections = [
    base,
    ...Array.from({ length: fronts }, (_, index) => frontend(index, behind)),
    ...places.map(({ slot, index }) => previewFrontend(slot, index)),
    ...places.flatMap(({ slot, index, lane }) => backends(slot, index, lane)),
  ]
  return `# Written by Switchyard; replaced when it changes.\n${sections.join('\n\n')}\n`
}

/** One line: the share of green in percent, or -1 while nothing is live. One entry for all services: one change shifts the whole app. */
export function weightMapOf(weights: Weights): string {
  return `weight ${weightOf(weights)}\n`
}

export function weightOf({ blue, green }: Weights): number {
  return blue + green === 0 ? -1 : green
}

/** Every lane has an entry from the start: `set map` changes one that is there, `add map` would make a second. */
export function healthMapOf(lanes: LanesOfSlots): string {
  const lines = slots.flatMap((slot) =>
    Array.from({ length: laneCount }, (_, index) => `${laneName(slot, index)} ${lanes[slot][index]?.health ?? '/'}`),
  )
  return `${lines.join('\n')}\n`
}

// Connections follow from what the container may open, at most 50,000 files: a fixed number above that would keep HAProxy from starting.
const base = `global
  fd-hard-limit 50000
  stats socket ipv4@127.0.0.1:${runtimePort} level admin
  stats timeout 30s
  hard-stop-after 30s

ring requests
  format raw
  maxlen 200
  size 262144

defaults
  mode http
  option forwardfor
  option redispatch 1
  retries 3
  retry-on conn-failure
  timeout connect 1s
  timeout client 75s
  timeout http-keep-alive 75s
  timeout http-request 10s
  timeout server 1h
  timeout tunnel 1h
  timeout check 5s`

/** What HAProxy itself lets pass: a zero byte, at which many programs end a text. What stands behind it makes sure that it is understood. */
export const properRules = `  http-request deny deny_status 405 if METH_CONNECT
  http-request deny deny_status 400 if { req.hdrs -m reg \\\\x00(?=) }`

/** What a proxy before us says of protocol and host is kept: it ends TLS. The address that a request came from is added last. */
const probeRules = `${properRules}
  http-request set-var(txn.probe) bool(true) if { req.hdr(${probeHeader}) -m str "\${SWITCHYARD_PROBE}" }
  http-request del-header ${probeHeader}
  http-request set-header x-forwarded-proto http unless { req.hdr(x-forwarded-proto) -m found }
  http-request set-header x-forwarded-host %[req.hdr(host)] unless { req.hdr(x-forwarded-host) -m found }`

/** Behind a front of the host only that one is believed about clients, and it has said all: nothing is added. */
function believed(front: string): string {
  return `  option forwardfor except ${front}
  http-request del-header ^(x-forwarded-.*|forwarded)$ -m reg unless { src ${front} }
`
}

/** All fronts read the same entry, so no service is shifted without the others. */
function frontend(index: number, behind: string | null): string {
  const lane = index + 1
  return `frontend ${frontName(index)}
  bind :${frontPort(index)}
  log ring@requests format raw local0
  log-format "%rt %b %ST %Ta"
${behind === null ? '' : believed(behind)}${probeRules}
  http-request del-header ${instanceHeader}
${bodyRules}
  http-request set-var(txn.weight) str(weight),map_str_int(${weightMap},-1)
  http-request return status 503 content-type text/plain hdr Retry-After 2 string "no release is live\\n" if { var(txn.weight) -m int lt 0 }
  http-request set-var(txn.draw) rand(100),sub(txn.weight)
  http-request set-var(txn.slot) str(green) if { var(txn.draw) -m int lt 0 }
  http-request set-var(txn.slot) str(blue) unless { var(txn.slot) -m found }
  use_backend %[var(txn.slot)]-${lane}-socket if { req.hdr(upgrade) -i websocket }
  use_backend %[var(txn.slot)]-${lane}`
}

function previewFrontend(slot: Slot, index: number): string {
  return `frontend ${previewName(slot, index)}
  bind :${previewPort(slot, index)}
${probeRules}
  http-request set-var(txn.instance) req.hdr(${instanceHeader})
  http-request del-header ${instanceHeader}
  default_backend ${previewName(slot, index)}`
}

/** Checked by the app's health path; WebSockets follow its checks; a preview is asked whatever its health is. */
function backends(slot: Slot, index: number, lane: Lane | undefined): string[] {
  const name = laneName(slot, index)
  return [
    `backend ${name}
  option httpchk
  http-check send meth GET uri-lf "%[str(${name}),map(${healthMap},/)]" ver HTTP/1.1 hdr host 127.0.0.1
  default-server check inter 200ms fastinter 100ms downinter 500ms fall 3 rise 1
${timeoutRule}
${stamp(slot)}
${servers(lane, () => '')}`,
    `backend ${socketName(slot, index)}
${timeoutRule}
${stamp(slot)}
${servers(lane, (server) => ` track ${name}/${server}`)}`,
    `backend ${previewName(slot, index)}
  retries 0
  timeout connect 250ms
${timeoutRule}
${all.map(({ server, number }) => `  use-server ${server} if { var(txn.instance) -m str ${number} }`).join('\n')}
${stamp(slot)}
${servers(lane, () => '')}`,
  ]
}

/** Each instance has two servers, one for each protocol, of which one at most is in use: a running router cannot be told a protocol. */
const all = protocols.flatMap((protocol) =>
  Array.from({ length: serverCount }, (_, at) => ({ protocol, number: at + 1, server: serverName(protocol, at) })),
)

/** A forged header of the app is removed. In the backend: rules of a frontend run after these and would remove ours too. */
function stamp(slot: Slot): string {
  return `  http-response del-header ${slotHeader}
  http-response set-header ${slotHeader} ${slot} if { var(txn.probe) -m bool }`
}

/** A server that stands for no instance is in maintenance: it is neither checked nor asked. A tracking one follows. */
function servers(lane: Lane | undefined, more: (server: string) => string): string {
  return all
    .map(({ protocol, number, server }) => {
      const endpoint = protocolOf(lane) === protocol ? lane?.endpoints[number - 1] : undefined
      const isFollower = more(server) !== ''
      const words = `${protocol === 'h2c' ? ' proto h2' : ''}${more(server)}`
      return `  server ${server} ${endpoint ?? '127.0.0.1:1'}${words}${endpoint === undefined && !isFollower ? ' disabled' : ''}`
    })
    .join('\n')
}
