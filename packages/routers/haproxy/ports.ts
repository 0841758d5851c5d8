import { Failure } from '#kernel'
import { holderOf } from '../port-holder.ts'
import { isListenedTo } from '../listened.ts'
import type { RouterContext } from '../index.ts'
import type { Engine } from './engine.ts'
import { frontsAsked } from './fronts.ts'
import type { Looked } from './looks.ts'
import { readRecord } from './record.ts'

/**
 * Can the router have its fronts? Those that it holds itself are its own, at whatever address. A look.
 * @throws Failure PORT_IN_USE naming the port and, where the host tells, who holds it
 */
export async function refusePorts(
  context: RouterContext,
  engine: Engine,
  look: () => Promise<Pick<Looked, 'seen'>>,
): Promise<void> {
  const { host, bind, listen } = context
  const [record, { seen }] = await Promise.all([readRecord(host), look()])
  const isUp = record !== null && seen?.isRunning === true
  const own = isUp ? [record.listen, ...(record.fronts ?? []).map(({ port }) => port)] : []
  const wanted = [{ service: '', address: bind, port: listen }, ...frontsAsked(context)]
  for (const { service, address, port } of wanted) {
    if (own.includes(port) || !(await isListenedTo(host, address, port))) continue
    throw new Failure('PORT_IN_USE', `port ${port} of this host is held by ${await holderOf(engine, host, port)}`, {
      field: 'listen',
      hint: `End what listens on ${address}:${port}, or give ${service === '' ? 'another port with listen' : `service ${service} another listen`}. A front that shall stay can be pointed at the app instead: docs/front-that-stays.md.`,
    })
  }
}
