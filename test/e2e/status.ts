import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Ground } from './ground.ts'

const run = promisify(execFile)

const slotSchema = z.object({
  traffic: z.string().transform((text) => Number.parseInt(text, 10)),
  state: z.enum(['empty', 'stopped', 'partial', 'running']),
  release: z.string(),
})
const statusSchema = z.object({
  status: z.object({ slots: z.object({ blue: slotSchema, green: slotSchema }), held: z.string() }),
})

/** What the built command line says of an environment; traffic in percent. */
export type Status = z.output<typeof statusSchema>['status']
export type SlotStatus = Status['slots']['blue']

export async function statusOf({ bundles, world }: Ground): Promise<Status> {
  const { stdout } = await run(process.execPath, [join(bundles, 'cli', 'index.js'), 'status', '--json'], {
    cwd: world.workspace,
    env: { ...world.job.env, HOME: world.job.home, GITHUB_WORKSPACE: world.workspace },
    timeout: 60_000,
  })
  return statusSchema.parse(JSON.parse(stdout)).status
}

/** The slot with all the traffic, and the other one; undefined while traffic is split or nowhere. */
export function liveAndIdle({ slots }: Status): { live: SlotStatus; idle: SlotStatus } | undefined {
  const { blue, green } = slots
  if (blue.traffic === 100 && green.traffic === 0) return { live: blue, idle: green }
  if (green.traffic === 100 && blue.traffic === 0) return { live: green, idle: blue }
  return undefined
}

/** Versions that the front answers with, asked some times in a row on new connections; a status other than 200 counts as one. */
export async function answers({ world }: Ground, times = 10): Promise<readonly string[]> {
  const seen = new Set<string>()
  for (let at = 0; at < times; at += 1) {
    const answer = await fetch(`${world.front}/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(10_000),
    })
    const body = z.object({ version: z.string() }).safeParse(await answer.json().catch(() => null))
    seen.add(answer.status === 200 && body.success ? body.data.version : `status ${answer.status}`)
  }
  return [...seen]
}
