import { createHash } from 'node:crypto'

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const LONGEST_BYTES = 64 * 1024
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10

/**
 * Accepts one WebSocket upgrade and echoes whatever comes (RFC 6455, unfragmented messages up to 64 KiB, no extensions).
 * Returns a function that says goodbye with the given code.
 */
export function echo(request, socket, head) {
  const key = request.headers['sec-websocket-key']
  if (!key) {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    return () => {}
  }
  const accept = createHash('sha1')
    .update(key + MAGIC)
    .digest('base64')
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n' +
      `sec-websocket-accept: ${accept}\r\n\r\n`,
  )
  socket.setNoDelay(true)

  let waiting = Buffer.alloc(0)
  let over = false
  const close = (code) => {
    if (over) return
    over = true
    const body = Buffer.alloc(2)
    body.writeUInt16BE(code)
    socket.end(frame(CLOSE, body))
    setTimeout(() => socket.destroy(), 1000).unref()
  }
  const take = (bytes) => {
    waiting = Buffer.concat([waiting, bytes])
    for (let message = read(waiting); message; message = read(waiting)) {
      if (message.fault) return close(message.fault)
      waiting = waiting.subarray(message.size)
      if (message.opcode === CLOSE) return close(1000)
      if (message.opcode === PING) socket.write(frame(PONG, message.body))
      if (message.opcode === TEXT || message.opcode === BINARY) socket.write(frame(message.opcode, message.body))
    }
  }
  socket.on('data', take)
  socket.on('end', () => socket.end())
  if (head.length > 0) take(head)
  return close
}

/** The first whole frame of the bytes; nothing while it is incomplete; `fault` is the close code for a broken one. */
function read(bytes) {
  if (bytes.length < 2) return undefined
  const opcode = bytes[0] & 0x0f
  if (!(bytes[0] & 0x80) || !(bytes[1] & 0x80)) return { fault: 1002 }
  let length = bytes[1] & 0x7f
  let at = 2
  if (length === 126) {
    if (bytes.length < 4) return undefined
    length = bytes.readUInt16BE(2)
    at = 4
  } else if (length === 127) {
    return { fault: 1009 }
  }
  if (length > LONGEST_BYTES) return { fault: 1009 }
  if (bytes.length < at + 4 + length) return undefined
  const mask = bytes.subarray(at, at + 4)
  const body = Buffer.from(bytes.subarray(at + 4, at + 4 + length))
  for (let index = 0; index < body.length; index += 1) body[index] ^= mask[index % 4]
  return { opcode, body, size: at + 4 + length }
}

function frame(opcode, body) {
  const header =
    body.length < 126
      ? Buffer.from([0x80 | opcode, body.length])
      : Buffer.from([0x80 | opcode, 126, body.length >> 8, body.length & 0xff])
  return Buffer.concat([header, body])
}
