import { connect } from 'node:net'
import { once } from 'node:events'
import { Failure } from '#kernel'
import type { Probe, ProbeRequest } from '#kernel'
import { bare } from './connect.ts'
import { lookWithin } from './look.ts'

/** Looks whether `tcp://host:port` takes a connection; nothing is sent. */
export function tcpProbe(): Probe {
  return {
    once: (request, signal) =>
      lookWithin(request, signal, async (clock) => {
        const socket = connect({ ...placeOf(request), autoSelectFamily: true })
        try {
          await once(socket, 'connect', { signal: clock })
        } catch (thrown) {
          clock.throwIfAborted()
          throw thrown
        } finally {
          socket.destroy()
        }
        return () => ({ ok: true })
      }),
  }
}

/** @throws Failure INPUT_INVALID when the URL names no host and port. */
export function placeOf({ url, address, socketPath }: ProbeRequest): { host: string; port: number } | { path: string } {
  if (socketPath !== undefined) return { path: socketPath }
  const { hostname, port } = URL.parse(url) ?? { hostname: '', port: '' }
  if (hostname === '' || port === '')
    throw new Failure('INPUT_INVALID', 'a tcp URL names a host and a port', {
      field: 'url',
      hint: 'For example tcp://db.example.com:5432.',
    })
  return { host: address ?? bare(hostname), port: Number(port) }
}
