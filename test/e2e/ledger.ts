import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Ground } from './ground.ts'

const entrySchema = z.object({
  id: z.string(),
  operation: z.string(),
  state: z.string(),
  release: z.object({ version: z.string() }).transform(({ version }) => version),
})
export type Entry = z.output<typeof entrySchema>

/** The history as it lies on the host, newest first. */
export async function ledgerOf({ stateDir }: Ground): Promise<readonly Entry[]> {
  const folder = join(stateDir, 'ledger')
  const names = (await readdir(folder).catch(() => []))
    .filter((name) => name.endsWith('.json'))
    .sort()
    .reverse()
  return Promise.all(
    names.map(async (name) => entrySchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))),
  )
}

/** What was last judged of a version; undefined when nothing was. */
export function judgementOf(history: readonly Entry[], version: string): 'good' | 'bad' | undefined {
  const last = history.find(({ release, state }) => release === version && (state === 'good' || state === 'bad'))
  return last?.state === 'bad' ? 'bad' : last === undefined ? undefined : 'good'
}
