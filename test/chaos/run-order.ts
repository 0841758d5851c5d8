import type { Ground } from '../e2e/ground.ts'
import type { StepResult } from '../runner/step.ts'
import type { Order } from './order.ts'

const stepMs = 120_000

/** Runs an order as a job of its own, posts and all. `onLine` hears what it says. */
export async function runWhole(
  ground: Ground,
  { action, inputs }: Order,
  onLine: (line: string) => void = () => undefined,
): Promise<StepResult> {
  const job = await ground.job()
  try {
    return await job.step({ action, inputs, timeoutMs: stepMs, onLine })
  } finally {
    await job.end()
  }
}

/** @throws Error when the run does not end well */
export async function mustSucceed(ground: Ground, order: Order): Promise<void> {
  const result = await runWhole(ground, order)
  if (result.outcome !== 'success') throw new Error(`${order.kind} ${order.version ?? ''} failed:\n${result.log}`)
}
