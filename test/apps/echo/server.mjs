import { createServer } from 'node:http'
import { createHash } from 'node:crypto'

/** Says what reached it; takes and gives much; leaves answers open. NAME tells several of it apart. */
const name = process.env.NAME ?? 'echo'

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://echo')
  if (url.pathname.endsWith('/events')) return events(request, response)
  if (url.pathname.endsWith('/download')) return download(response, Number(url.searchParams.get('bytes') ?? 0))
  if (url.pathname.endsWith('/slow'))
    await new Promise((ready) => setTimeout(ready, Number(url.searchParams.get('ms'))))
  let bytes = 0
  for await (const part of request) bytes += part.length
  const { method, headers } = request
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ name, version: name, method, url: request.url, headers, bytes }))
})
server.keepAliveTimeout = 75_000
server.requestTimeout = 0
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.on('error', () => {})
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  )
  // Frames go back as they came: enough to see that bytes pass both ways.
  socket.pipe(socket)
})
server.listen(Number(process.env.PORT ?? 3000), '0.0.0.0')
process.on('SIGTERM', () => process.exit(0))

function events(request, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let count = 0
  const every = setInterval(() => response.write(`data: ${(count += 1)}\n\n`), 100)
  response.on('close', () => clearInterval(every))
}

function download(response, bytes) {
  response.writeHead(200, { 'content-length': bytes })
  const part = Buffer.alloc(64 * 1024, 'x')
  let left = bytes
  const more = () => {
    while (left > 0) {
      const next = part.subarray(0, Math.min(left, part.length))
      left -= next.length
      if (!response.write(next)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
}
