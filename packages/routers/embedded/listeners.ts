import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Failure } from '#kernel'
import { portHolder } from './port-holder.ts'

/** Listens, on a free port when `port` is 0. Gives the port. @throws Failure PORT_IN_USE naming the port and its holder */
export async function listen(server: Server, bind: string, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: bind, port, backlog: 1024 }, () => {
        server.removeListener('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw await explained(bind, port, cause)
  }
  return (server.address() as AddressInfo).port
}

/** Stops accepting; requests under way are finished, idle connections closed. */
export function quiet(server: Server): void {
  server.close()
  server.closeIdleConnections()
}

async function explained(bind: string, port: number, cause: unknown): Promise<Failure> {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') {
    const holder = await portHolder(port)
    return new Failure('PORT_IN_USE', `port ${port} is held by ${holder ?? 'another program'}`, {
      cause,
      hint: `Stop it, or choose another port with the input \`listen\`.`,
    })
  }
  const what = code === 'EACCES' ? 'needs rights that this user does not have' : String(cause)
  return new Failure('HOST_NOT_READY', `cannot listen on ${bind}:${port}: ${what}`, {
    cause,
    hint: 'Choose another port with the input `listen`.',
  })
}
