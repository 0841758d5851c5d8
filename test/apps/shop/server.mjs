import { createServer } from 'node:http'
import { readFaults, readJson } from './faults.mjs'
import { openMetrics } from './metrics.mjs'
import { openOrders } from './orders.mjs'
import { echo } from './websocket.mjs'

const LARGEST_BODY_BYTES = 64 * 1024
const LONGEST_SLOW_MS = 60_000
const GRACE_MS = Number(process.env.GRACE_MS ?? 25_000)

const faults = readFaults(process.env)
const version = readJson('version.json')?.version ?? process.env.VERSION ?? 'v0'
const saysVersion = faults['wrong-version'] ? `not-${version}` : version

if (faults['exit-at-start']) {
  console.error('the shop refuses to start (fault exit-at-start)')
  process.exit(1)
}

const orders = openOrders(process.env.DATABASE)
const metrics = openMetrics(version)
const sockets = new Set()
let served = 0
let stopping = false

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(`${request.method} ${request.url}: ${error.stack}`)
    if (!response.headersSent) send(response, 500, { version, error: error.message })
  })
})
// Longer than any proxy keeps an idle connection, so that the proxy is the one that closes it.
server.keepAliveTimeout = 75_000
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => {})
  if (new URL(request.url, 'http://shop').pathname !== '/ws')
    return socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n')
  const close = echo(request, socket, head)
  sockets.add(close)
  socket.on('close', () => sockets.delete(close))
})

await sleep(faults['start-delay'])
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`shop ${version} listens on ${server.address().address}:${server.address().port}`)
})
if (faults['die-after'] !== undefined) {
  await sleep(faults['die-after'])
  console.error('the shop dies (fault die-after)')
  process.exit(1)
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)

async function answer(request, response) {
  if (faults.hang) return
  const url = new URL(request.url, 'http://shop')
  if (url.pathname === '/metrics') return sendMetrics(response)
  const began = performance.now()
  response.once('finish', () => metrics.answered(response.statusCode, performance.now() - began))
  await sleep(faults.slow)

  if (url.pathname === '/health') return health(response)
  if (url.pathname === '/slow') {
    await sleep(Math.min(Number(url.searchParams.get('ms') ?? 1000), LONGEST_SLOW_MS))
    return send(response, 200, { version, slow: true })
  }
  if (url.pathname === '/download') return download(response, Number(url.searchParams.get('ms') ?? 1000))
  if (url.pathname !== '/') return send(response, 404, { version, error: 'no such page' })
  if (breaksNow()) return send(response, 500, { version, error: 'broken under traffic' })
  if (request.method === 'GET') return send(response, 200, { version: saysVersion, orders: orders.count() })
  if (request.method !== 'POST') return send(response, 405, { version, error: 'GET or POST' })

  const order = parseOrder(await readBody(request))
  if (order === undefined) return send(response, 400, { version, error: 'an order is {"item": "…"}' })
  send(response, 201, { version: saysVersion, id: orders.add(order) })
}

/** Healthy means able to serve: the table has to be there. */
function health(response) {
  if (faults['health-500']) return send(response, 500, { status: 'sick', version: saysVersion })
  try {
    orders.count()
    send(response, 200, { status: 'ok', version: saysVersion })
  } catch (error) {
    send(response, 503, { status: 'sick', version: saysVersion, error: error.message })
  }
}

/** A megabyte that takes its time, a piece every 100 ms: the release's version, over and over. */
async function download(response, ms) {
  const bytes = 1_048_576
  const pieces = Math.max(1, Math.round(Math.min(ms, LONGEST_SLOW_MS) / 100))
  const whole = Buffer.alloc(bytes, `${version} `)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
  for (let piece = 0; piece < pieces && !response.destroyed; piece += 1) {
    response.write(whole.subarray(Math.floor((piece * bytes) / pieces), Math.floor(((piece + 1) * bytes) / pieces)))
    await sleep(100)
  }
  response.end()
}

function sendMetrics(response) {
  const body = metrics.text()
  response.writeHead(200, {
    'content-type': 'text/plain; version=0.0.4',
    'content-length': Buffer.byteLength(body),
    ...(stopping ? { connection: 'close' } : {}),
  })
  response.end(body)
}

function breaksNow() {
  const fault = faults['break-under-traffic']
  served += 1
  if (!fault || served <= fault.after) return false
  const period = Math.max(1, Math.round(1 / fault.share))
  return (served - fault.after) % period === 0
}

function parseOrder(text) {
  if (text === undefined) return undefined
  try {
    const { item, note } = text === '' ? { item: 'a thing' } : JSON.parse(text)
    return typeof item === 'string' ? { item, note: typeof note === 'string' ? note : undefined } : undefined
  } catch {
    return undefined
  }
}

async function readBody(request) {
  const parts = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size <= LARGEST_BODY_BYTES) parts.push(part)
  }
  return size > LARGEST_BODY_BYTES ? undefined : Buffer.concat(parts).toString('utf8')
}

function send(response, status, value) {
  const body = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(stopping ? { connection: 'close' } : {}),
  })
  response.end(body)
}

/** Takes no new work, finishes what has begun, says goodbye to the sockets, ends. */
function stop(signal) {
  if (faults['ignore-sigterm']) return console.log(`${signal} ignored (fault ignore-sigterm)`)
  if (stopping) return
  stopping = true
  console.log(`${signal}: finishing`)
  for (const close of sockets) close(1001)
  server.close(() => {
    orders.close()
    process.exit(0)
  })
  setTimeout(() => process.exit(1), GRACE_MS).unref()
}

function sleep(ms) {
  return ms ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve()
}
