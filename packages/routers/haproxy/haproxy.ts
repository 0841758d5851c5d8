import { noTraffic, slots } from '#kernel'
import type { PreviewUrls, Slot } from '#kernel'
import type { Listening, ManagedRouter, RouterContext } from '../index.ts'
import { readWeights } from './answers.ts'
import { probeHeader } from './config.ts'
import { drainSlot } from './drain.ts'
import { engineOf } from './engine.ts'
import { looksAt } from './looks.ts'
import { namesOf } from './names.ts'
import { readNetwork } from './network.ts'
import { lanesOf, lead } from './preview.ts'
import { refusePorts } from './ports.ts'
import { readRecord } from './record.ts'
import type { RouterRecord } from './record.ts'
import { unreachable } from './runtime.ts'
import { readWeightsOnDisk, setUp } from './setup.ts'
import { frontPort, previewOffset } from './shape.ts'
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
  /** Of the slots, the one that this run is about. */
  let subject: Slot = 'blue'
  const known = async (): Promise<RouterRecord> => {
    const record = await readRecord(host)
    if (record === null) throw unreachable('it was never set up')
    return record
  }

  const looks = looksAt(engine, names)

  return {
    setup: () => setUp(context, engine, names, looks.forSetUp),

    refusePorts: () => refusePorts(context, engine, looks.recent),

    async remove() {
      for (const name of [names.container, `${names.container}-next`, `${names.container}-old`])
        await engine.act(['rm', '--force', '--volumes', name])
      await engine.act(['network', 'rm', names.network])
      await host.remove(['router'])
    },

    async reach() {
      const [{ routerAddress, frontAddress }, record] = await Promise.all([
        readNetwork(engine, names),
        readRecord(host),
      ])
      const ports = (record?.fronts ?? []).map(({ service }, index) => [service, frontPort(index + 1)] as const)
      return { network: names.network, router: routerAddress, front: frontAddress, ports: Object.fromEntries(ports) }
    },

    async read() {
      const [{ shown }, file] = await Promise.all([looks.read(), readWeightsOnDisk(host)])
      // One that is down does what its file says as soon as it is up.
      return shown === null ? (file ?? noTraffic) : readWeights(shown)
    },

    async preview(slot, release, endpoints) {
      subject = slot
      const before = await known()
      const lanes = lanesOf(release, endpoints, before.fronts)
      const record = await lead(engine, host, names.container, before, slot, lanes)
      return Object.fromEntries(
        record.slots[slot].flatMap((lane, index) =>
          lane === null
            ? []
            : [[lane.service, `http://127.0.0.1:${record.previews + previewOffset(slot, index)}`] as const],
        ),
      )
    },

    shift: async (weights) => shiftTo(engine, host, names.container, await readRecord(host), weights),

    drain: (slot, deadlineMs, signal) => drainSlot(engine, names.container, slot, deadlineMs, signal),

    async front() {
      const record = await readRecord(host)
      return {
        urls: frontUrls(context, record, subject),
        headers: record === null ? {} : { [probeHeader]: record.secret },
      }
    },

    stats: (slot) => totals.read(engine, names.container, slot),
  }
}

/** Services that are at a front; of one that has moved between two fronts, where the slot of this run has it. */
function frontUrls(context: RouterContext, record: RouterRecord | null, subject: Slot): PreviewUrls {
  const fronts = [{ address: context.bind, port: context.listen }, ...(record?.fronts ?? [])]
  const inTurn = [...slots.filter((slot) => slot !== subject), subject]
  return Object.fromEntries(
    inTurn.flatMap((slot) =>
      fronts.flatMap((front, index) => {
        const service = record?.slots[slot][index]?.service
        return service === undefined ? [] : [[service, urlOf(front)] as const]
      }),
    ),
  )
}

function urlOf({ address, port }: Listening): string {
  const own = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address
  return `http://${own.includes(':') ? `[${own}]` : own}:${port}`
}
