import { noTraffic } from '#kernel'
import type { PreviewUrls } from '#kernel'
import type { ManagedRouter, RouterContext } from '../index.ts'
import { askNginx, unreachable } from './ask.ts'
import { probeHeader } from './config.ts'
import { drainSlot } from './drain.ts'
import { lanePlace, noPlace, readWeightPlace, weightPlace } from './place-names.ts'
import { pointSeen } from './point.ts'
import { keepRecord, lanesOf, readRecord } from './record.ts'
import type { NginxRecord } from './record.ts'
import { removeRouter } from './remove.ts'
import { setUp } from './setup.ts'
import { Totals } from './totals.ts'
import { laneCount, laneLink, nginxFolder, previewOffset, weightLink } from './shape.ts'

/**
 * The nginx that the team runs itself, told by links that it looks up at every request: no deploy reloads it. Only its set-up does,
 * once.
 */
export function nginxRouter(context: RouterContext): ManagedRouter {
  const { host } = context
  const totals = new Totals()
  const known = async (): Promise<NginxRecord> => {
    const record = await readRecord(host)
    if (record === null)
      throw unreachable('was never set up for this app', 'Deploy: every run sets up what is missing.')
    return record
  }

  return {
    setup: () => setUp(context),

    remove: () => removeRouter(context),

    async read() {
      const record = await readRecord(host)
      if (record === null) return noTraffic
      const [seen] = await askNginx(host, record.previews, [weightLink])
      // One that is down does what the link says as soon as it is up.
      if (seen !== undefined && seen.path !== '') return readWeightPlace(seen.path)
      const argv = ['readlink', `${host.stateDir}/${nginxFolder}/${weightLink}`] as const
      const { stdout } = await host.look({ argv: [...argv], okCodes: [0, 1], timeoutMs: 30_000 })
      return stdout.trim() === '' ? noTraffic : readWeightPlace(stdout.trim())
    },

    async preview(slot, release, endpoints) {
      const [record, lanes] = [await known(), lanesOf(release, endpoints)]
      const places = Array.from({ length: laneCount }, (_, index) => [
        laneLink(slot, index),
        lanes[index] === undefined ? noPlace : lanePlace(lanes[index].endpoints),
      ])
      await pointSeen(host, record.previews, Object.fromEntries(places) as Record<string, string>)
      const services = lanes.map(({ service }) => service)
      if (JSON.stringify(services) !== JSON.stringify(record.slots[slot])) {
        await keepRecord(host, { ...record, slots: { ...record.slots, [slot]: services } })
      }
      return Object.fromEntries(
        services.map((service, index) => [service, `http://127.0.0.1:${record.previews + previewOffset(slot, index)}`]),
      )
    },

    async shift(weights) {
      await pointSeen(host, (await known()).previews, { [weightLink]: weightPlace(weights) })
    },

    drain: (slot, deadlineMs, signal) => drainSlot(host, slot, deadlineMs, signal),

    stats: async (slot) => totals.read(host, (await known()).log, slot),

    async front() {
      const record = await readRecord(host)
      return { urls: frontUrls(context, record), headers: record === null ? {} : { [probeHeader]: record.secret } }
    },
  }
}

/** Only the first routed service of a slot is reached through the front. */
function frontUrls({ bind, listen }: RouterContext, record: NginxRecord | null): PreviewUrls {
  const address = bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${listen}`
  const names = [record?.slots.blue[0], record?.slots.green[0]].filter((name) => name !== undefined)
  return Object.fromEntries(names.map((name) => [name, url]))
}
