import { chmod, mkdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { asFailure } from '#kernel'
import { controlServer, controlSocket } from './control-server.ts'
import { requestSchema } from './requests.ts'
import type { RouterRequest } from './requests.ts'
import { freshState, loadState, saveState } from './state.ts'
import { Switchboard } from './switchboard.ts'

/** The log is appended to for as long as the router lives: after so many notes it says no more. */
const notesLimit = 2_000

/**
 * The embedded router: one process for an app's environment, in a folder of its own, until it is asked to quit.
 * It starts with what it did when it last ran. @throws when another router runs in the folder
 */
export async function runRouter(folder: string): Promise<void> {
  process.umask(0o077)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  process.chdir(folder)
  if (await isAnswered()) throw new Error('a router runs here already')

  let notes = 0
  const note = (what: string) => {
    notes += 1
    if (notes <= notesLimit) process.stdout.write(`${new Date().toISOString()} ${what.slice(0, 500)}\n`)
  }
  // A fault in one request must not end the others.
  process.on('uncaughtException', (fault) => note(`fault: ${fault.stack ?? String(fault)}`))

  const kept = await loadState('.')
  const state = kept ?? freshState()
  if (kept === null) await saveState('.', state)
  const board = new Switchboard('.', state, note)
  await board.resume().catch((thrown: unknown) => note(`the front does not listen: ${asFailure(thrown).message}`))

  const control = controlServer(async (raw) => {
    const request = requestSchema.parse(raw)
    if (request.do !== 'hello' && request.do !== 'stats') note(JSON.stringify(request))
    return perform(board, request, quit)
  })
  await rm(controlSocket, { force: true })
  await new Promise<void>((resolve, reject) => {
    control.once('error', reject)
    control.listen(controlSocket, resolve)
  })
  await chmod(controlSocket, 0o600)
  note(`router runs, pid ${process.pid}`)
  process.on('SIGTERM', quit)

  function quit(): void {
    note('router ends')
    board.stop()
    control.close()
    setTimeout(() => process.exit(0), 200).unref()
  }
}

async function perform(board: Switchboard, request: RouterRequest, quit: () => void): Promise<unknown> {
  switch (request.do) {
    case 'hello':
      return helloOf(board)
    case 'listen':
      await board.listen(request.bind, request.port)
      return board.state.front
    case 'preview':
      return board.preview(request.slot, request.release, request.services)
    case 'limit':
      return board.limit(request.limits)
    case 'shift':
      return board.shift(request.weights)
    case 'drained':
      await board.traffic[request.slot].idle(request.deadlineMs)
      return board.traffic[request.slot].counts()
    case 'close':
      return board.closeLeftovers(request.slot)
    case 'stats':
      return board.traffic[request.slot].totals()
    case 'quit':
      quit()
      return null
  }
}

function helloOf({ listening, state: { front, weights, limits = {} } }: Switchboard) {
  return { pid: process.pid, listening, front, weights, limits }
}

/** Does a living router answer on the socket, or is it what a dead one left? */
function isAnswered(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(controlSocket)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
