import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const run = promisify(execFile)
const readyMs = 30_000

export interface PebbleOptions {
  /** Addresses that its directory is reached by. */
  readonly addresses: readonly string[]
  /** Ports that it visits domains at, instead of 80 and 443. */
  readonly httpPort: number
  readonly tlsPort: number
  /** Of the certificates it gives; 90 days when not said. */
  readonly validitySeconds?: number
}

/** A real ACME server, and the DNS server it asks: every name leads to 127.0.0.1 unless told otherwise. */
export interface Pebble {
  /** Its directory, for the first of the addresses. */
  readonly directory: string
  /** What its own HTTPS is trusted by. */
  readonly root: string
  /** Lets a name lead elsewhere. */
  lead(domain: string, address: string): Promise<void>
  /** How many orders it was given. */
  orders(): number
  /** Nobody reaches it until it is `up` again; it forgets nothing. */
  down(): Promise<void>
  up(): Promise<void>
  stop(): Promise<void>
}

/** Names ending so are refused by its policy. */
export const blockedDomain = 'blocked.example'

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-pebble-'))
  const [directoryPort, managementPort] = [await freePort(), await freePort()]
  const [dnsPort, dnsManagementPort] = [await freePort(), await freePort()]
  const names = options.addresses.map((address) => `IP:${address}`).join(',')
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'root.pem')]
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=pebble', '-addext', `subjectAltName=${names},IP:127.0.0.1`]
  await run('openssl', [...words, ...subject, ...files], { timeout: 30_000 })
  const dnsWords = [
    ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', ''],
    ...['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagementPort}`],
  ]
  const dns = await started('pebble-challtestsrv', dnsWords, /Starting management server/)
  let orders = 0
  const config = {
    listenAddress: `127.0.0.1:${directoryPort}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: join(folder, 'root.pem'),
    privateKey: join(folder, 'key.pem'),
    httpPort: options.httpPort,
    tlsPort: options.tlsPort,
    domainBlocklist: [blockedDomain],
    retryAfter: { authz: 1, order: 1 },
    profiles: { default: { description: 'of tests', validityPeriod: options.validitySeconds ?? 7_776_000 } },
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify({ pebble: config }))
  const serverWords = ['-config', join(folder, 'config.json'), '-dnsserver', `127.0.0.1:${dnsPort}`]
  const server = await started('pebble', serverWords, /ACME directory available/, (line) => {
    if (line.includes('POST /order-plz')) orders += 1
  })
  const door = doorTo(directoryPort ?? 0)
  const port = await door.open(0)
  return {
    directory: `https://${options.addresses[0] ?? '127.0.0.1'}:${port}/dir`,
    root: await readFile(join(folder, 'root.pem'), 'utf8'),
    orders: () => orders,
    async lead(domain, address) {
      const body = JSON.stringify({ host: domain, addresses: [address] })
      await fetch(`http://127.0.0.1:${dnsManagementPort}/add-a`, { method: 'POST', body })
    },
    down: door.close,
    up: async () => void (await door.open(port)),
    async stop() {
      await door.close()
      await server.end()
      await dns.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A TCP port at all addresses of the machine that leads to one of its own. */
function doorTo(inner: number): { open(port: number): Promise<number>; close(): Promise<void> } {
  const sockets = new Set<Socket>()
  let server: Server | null = null
  return {
    async open(port) {
      server = createServer((outer) => {
        const way = connect(inner, '127.0.0.1')
        for (const socket of [outer, way]) {
          sockets.add(socket)
          socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
        }
        outer.pipe(way).pipe(outer)
      }).listen(port, '0.0.0.0')
      await once(server, 'listening')
      return (server.address() as AddressInfo).port
    },
    async close() {
      const closed = server === null ? null : new Promise((resolve) => server?.close(resolve))
      server = null
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

interface Running {
  end(): Promise<void>
}

async function started(
  program: string,
  words: readonly string[],
  isReady: RegExp,
  told?: (line: string) => void,
): Promise<Running> {
  const environment = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' }
  const child: ChildProcess = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: environment })
  const ready = Promise.withResolvers<void>()
  let log = ''
  const timer = setTimeout(() => ready.reject(new Error(`${program} is not ready:\n${log}`)), readyMs)
  const read = (part: Buffer) => {
    log = (log + String(part)).slice(-10_000)
    for (const line of String(part).split('\n')) told?.(line)
    if (isReady.test(log)) ready.resolve()
  }
  child.stdout?.on('data', read)
  child.stderr?.on('data', read)
  child.once('error', ready.reject)
  child.once('exit', (code) => ready.reject(new Error(`${program} ended with ${code}:\n${log}`)))
  await ready.promise.finally(() => clearTimeout(timer))
  return {
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
