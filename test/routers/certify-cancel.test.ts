import { expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Failure } from '#kernel'
import { certify } from '../../packages/routers/ingress/tls/certify.ts'

const quiet = { look: () => Promise.resolve({ code: 0, stdout: '', stderr: '' }) }

test('a cancel ends the wait for certificates at once, and every handshake', async () => {
  const open = new Set<Socket>()
  // An authority that does not answer: the handshake goes on for minutes.
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cancel = new AbortController()
  const reason = new Failure('CANCELLED', 'the run was cancelled')
  const engine = { ...quiet, act: quiet.look, actBy: quiet.look }
  const way = () => Promise.resolve({ host: '127.0.0.1', port })
  const domains = Array.from({ length: 6 }, (_, at) => `d${at}.example`)
  const certifying = certify(domains, { engine, way, signal: cancel.signal })
  certifying.catch(() => undefined)
  await once(server, 'connection')
  const began = performance.now()
  cancel.abort(reason)
  await expect(certifying).rejects.toBe(reason)
  expect(performance.now() - began).toBeLessThan(1_000)
  while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  server.close()
})
