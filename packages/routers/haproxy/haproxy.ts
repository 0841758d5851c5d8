import { noTraffic, slots } from '#kernel'
import type { PreviewUrls } from '#kernel'
import type { ManagedRouter, RouterContext } from '../index.ts'
import { readWeights } from './answers.ts'
import { probeHeader, weightMap } from './config.ts'
import { drainSlot } from './drain.ts'
import { engineOf } from './engine.ts'
import { namesOf } from './names.ts'
import { lanesOf, lead } from './preview.ts'
import { readRecord } from './record.ts'
import type { RouterRecord } from './record.ts'
import { ask, unreachable } from './runtime.ts'
import { readWeightsOnDisk, setUp } from './setup.ts'
import { previewOffset } from './shape.ts'
import { shiftTo } from './shift.ts'
import { Totals } from './totals.ts'

/**
 * HAProxy in a container of ours, in the network of the slots. Everything it does is told to it by its runtime API, so no connection
 * is dropped by a change; what it is told stands in its files too, so a restart changes nothing.
 */
export function haproxyRouter(context: RouterContext): ManagedRouter {
  const { host } = context
  const engine = engineOf(host)
  const names = namesOf(context.app, context.environment)
  const totals = new Totals()
  const known = async (): Promise<RouterRecord> => {
    const record = await readRecord(host)
    if (record === null) throw unreachable('it was never set up')
    return record
  }

  // Setting up and observing go on at the same time and ask the same.
  const show = shared(() => ask(engine, names.container, [`show map ${weightMap}`]))

  return {
    setup: () => setUp(context, engine, names, show),

    async remove() {
      for (const name of [names.container, `${names.container}-next`, `${names.container}-old`])
        await engine.act(['rm', '--force', '--volumes', name])
      await engine.act(['network', 'rm', names.network])
      await host.act({ argv: ['rm', '-rf', '--', `${host.stateDir}/router`] })
    },

    async read() {
      const [shown, file] = await Promise.all([show(), readWeightsOnDisk(host)])
      // One that is down does what its file says as soon as it is up.
      return shown === null ? (file ?? noTraffic) : readWeights(shown)
    },

    async preview(slot, release, endpoints) {
      const record = await lead(engine, host, names.container, await known(), slot, lanesOf(release, endpoints))
      return Object.fromEntries(
        record.slots[slot].map(({ service }, index) => [
          service,
          `http://127.0.0.1:${record.previews + previewOffset(slot, index)}`,
        ]),
      )
    },

    shift: async (weights) => shiftTo(engine, host, names.container, await readRecord(host), weights),

    drain: (slot, deadlineMs, signal) => drainSlot(engine, names.container, slot, deadlineMs, signal),

    async front() {
      const record = await readRecord(host)
      return { urls: frontUrls(context, record), headers: record === null ? {} : { [probeHeader]: record.secret } }
    },

    stats: (slot) => totals.read(engine, names.container, slot),
  }
}

/** Who asks while an answer is under way gets that one. */
function shared<T>(question: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null
  return () => (underWay ??= question().finally(() => (underWay = null)))
}

/** Only the first routed service of a slot is reached through the front. */
function frontUrls({ bind, listen }: RouterContext, record: RouterRecord | null): PreviewUrls {
  const address = bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${listen}`
  const names = slots.flatMap((slot) => record?.slots[slot][0]?.service ?? [])
  return Object.fromEntries(names.map((name) => [name, url]))
}
