import { join } from 'node:path'
import type { Shell } from '#kernel'
import { lostFault } from './fault.ts'
import { connect } from './master.ts'
import type { Master, MasterOptions } from './master.ts'
import { clientWords } from './remote-run.ts'

/** A host that did not answer is not asked again for so long: what is to be tidied up would wait for each look in turn. */
const silentMs = 5_000
const forwardMs = 15_000

/** The connection to a host, made when it is needed: the first time, and after it was lost. */
export interface Link {
  /** @throws Failure what connect throws; CONNECTION_LOST once it was closed */
  open(): Promise<Master>
  /** A socket in the folder that leads to an address as the host reaches it. */
  forward(to: string): Promise<string>
  isForwardingForbidden(): boolean
  close(): Promise<void>
}

/** `folder`: private and short, for sockets. */
export function linkOf(shell: Shell, folder: string, options: Omit<MasterOptions, 'control'>): Link {
  let opening: Promise<Master> | null = null
  let last: Master | null = null
  let silence: { readonly failure: unknown; readonly untilMs: number } | null = null
  let forwards = new Map<string, Promise<string>>()
  let named = 0
  let isClosed = false
  const path = (kind: string) => join(folder, `${kind}${(named += 1)}`)

  const reach = async (): Promise<Master> => {
    try {
      const master = await connect({ ...options, control: path('c') })
      last = master
      forwards = new Map()
      void master.lost.then(() => (opening = null))
      return master
    } catch (failure) {
      opening = null
      silence = { failure, untilMs: performance.now() + silentMs }
      throw failure
    }
  }
  const open = async (): Promise<Master> => {
    if (isClosed) throw lostFault(options.address, 'it was closed', 'before')
    if (silence !== null && performance.now() < silence.untilMs) throw silence.failure
    opening ??= reach()
    return await opening
  }
  return {
    open,
    async forward(to) {
      const master = await open()
      const known = forwards.get(to)
      if (known !== undefined) return await known
      const made = forward(shell, master, path('f'), to)
      forwards.set(to, made)
      made.catch(() => forwards.delete(to))
      return await made
    },
    isForwardingForbidden: () => /open failed: administratively prohibited/.test(last?.said() ?? ''),
    async close() {
      isClosed = true
      await opening?.then((master) => master.close()).catch(() => undefined)
    },
  }
}

async function forward(shell: Shell, master: Master, socket: string, to: string): Promise<string> {
  await shell.run({
    argv: clientWords(master, ['-O', 'forward', '-L', `${socket}:${to}`, 'host']),
    timeoutMs: forwardMs,
  })
  return socket
}
