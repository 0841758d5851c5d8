import { randomBytes } from 'node:crypto'
import { Failure } from '#kernel'
import type { Ledger, LedgerEntry } from '#kernel'
import { held } from './host.ts'
import type { FencedHost } from './host.ts'
import { inOrder } from './in-order.ts'
import { ledgerIdSchema, parseEntry } from './ledger-entry.ts'

const folder = 'ledger'
const keptEntries = 500
const entryLimitBytes = 256 * 1024
const evidenceLimit = 16_000

export interface HostLedgerOptions {
  /** Is told about entries that cannot be read. */
  readonly note?: (text: string) => void
}

/**
 * The record of the host's environment: one file for each entry, the newest 500. Ids sort by the lease they were written
 * under and the order within it, so that no clock decides which release was the one before.
 */
export function hostLedger(host: FencedHost, { note = () => undefined }: HostLedgerOptions = {}): Ledger {
  const queued = inOrder()
  let written = 0
  /** While we hold the lease nobody else writes: it is read once. */
  let known: { readonly fence: number; readonly read: Promise<Listed> } | null = null

  const read = (): Promise<Listed> => {
    const { fence } = host
    if (fence === null) return list(host, note)
    if (known?.fence === fence) return known.read
    const now = { fence, read: list(host, note) }
    known = now
    now.read.catch(() => known === now && (known = null))
    return now.read
  }
  const keep = async (entry: LedgerEntry): Promise<void> => {
    known = null
    // What somebody reads meanwhile may be either.
    await write(host, entry).finally(() => (known = null))
  }
  const open = async (entry: Omit<LedgerEntry, 'id'>): Promise<string> => {
    written += 1
    const id = `${held(host).padStart(12, '0')}-${String(written).padStart(4, '0')}-${randomBytes(4).toString('hex')}`
    const before = known?.fence === host.fence ? await known?.read.catch(() => null) : null
    await keep({ ...entry, id })
    // Where it is not known how many there are, the host looks.
    if ((before?.files ?? keptEntries) >= keptEntries)
      await host.verb('trim', [held(host), folder, String(keptEntries)])
    return id
  }
  const mark = async (id: string, state: LedgerEntry['state'], evidence: string): Promise<void> => {
    const entry = await find(host, id)
    await keep({ ...entry, state, evidence })
  }
  return {
    open: (entry) => queued(() => open(entry)),
    mark: (id, state, evidence) => queued(() => mark(id, state, evidence)),
    history: async () => (await read()).entries,
  }
}

interface Listed {
  readonly entries: readonly LedgerEntry[]
  /** With those that cannot be read. */
  readonly files: number
}

async function write(host: FencedHost, entry: LedgerEntry): Promise<void> {
  const text = `${JSON.stringify({ ...entry, evidence: entry.evidence.slice(0, evidenceLimit) })}\n`
  if (Buffer.byteLength(text) > entryLimitBytes)
    throw new Failure('INTERNAL', `the record of this release is larger than ${entryLimitBytes} bytes`)
  await host.put(pathOf(entry.id), text)
}

async function find(host: FencedHost, id: string): Promise<LedgerEntry> {
  const text = ledgerIdSchema.safeParse(id).success ? await host.recall(pathOf(id)) : null
  if (text === null) throw new Failure('RELEASE_UNKNOWN', `the history of this environment has no entry ${id}`)
  const entry = parseEntry(text)
  if (entry === null) throw new Failure('OUTPUT_UNREADABLE', `entry ${id} of the history cannot be read`)
  return entry
}

async function list(host: FencedHost, note: (text: string) => void): Promise<Listed> {
  const result = await host.verb('list', [folder, String(keptEntries), String(entryLimitBytes)])
  // A name stands on a line of its own, which no entry has inside: JSON writes its line breaks as \n.
  const [, ...parts] = result.stdout.split(/^==> (.+) <==\n/m)
  const found: LedgerEntry[] = []
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [name = '', text = ''] = parts.slice(at, at + 2)
    const entry = parseEntry(text)
    if (entry !== null && `${entry.id}.json` === name) found.push(entry)
    else note(`${folder}/${name} cannot be read as an entry of the history; it was left out`)
  }
  return { entries: found.reverse(), files: Math.floor(parts.length / 2) }
}

function pathOf(id: string): string {
  return `${folder}/${id}.json`
}
