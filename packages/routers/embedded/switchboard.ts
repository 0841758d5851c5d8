import type { Server } from 'node:http'
import { Failure, sameWeights } from '#kernel'
import type { Slot, Weights } from '#kernel'
import { limitsOf } from '../limits.ts'
import type { Limits } from '../limits.ts'
import { SlotChooser } from './choose.ts'
import { listen, quiet } from './listeners.ts'
import { createProxy } from './proxy.ts'
import type { Destination } from './proxy.ts'
import { saveState } from './state.ts'
import type { Route, RouterState } from './state.ts'
import { Traffic } from './traffic.ts'

/** What the router does: its listeners, its weights, its slots. Every change is kept on disk before it is in force and acknowledged. */
export class Switchboard {
  readonly #folder: string
  readonly #note: (what: string) => void
  readonly #chooser = new SlotChooser()
  readonly traffic: Readonly<Record<Slot, Traffic>> = { blue: new Traffic(), green: new Traffic() }
  readonly #previews = new Map<string, { readonly server: Server; readonly port: number }>()
  #state: RouterState
  #front: Server | null = null
  #turn = 0
  #changes: Promise<unknown> = Promise.resolve()

  constructor(folder: string, state: RouterState, note: (what: string) => void) {
    this.#folder = folder
    this.#state = state
    this.#note = note
  }

  get state(): RouterState {
    return this.#state
  }

  get listening(): boolean {
    return this.#front?.listening === true
  }

  /** Opens the listeners of the kept state. @throws Failure PORT_IN_USE when the front's port is taken */
  async resume(): Promise<void> {
    for (const slot of ['blue', 'green'] as const) {
      const held = this.#state.slots[slot]
      if (held !== null) await this.preview(slot, held.release, held.routes)
    }
    const { front } = this.#state
    if (front !== null) this.#front = await this.#openFront(front.bind, front.port)
  }

  listen(bind: string, port: number): Promise<void> {
    return this.#change(async () => {
      const { front, slots } = this.#state
      if (this.listening && front?.bind === bind && front.port === port) return
      const opened = await this.#openFront(bind, port)
      const moved = (slot: Slot) => {
        const held = slots[slot]
        return held === null
          ? null
          : { ...held, routes: held.routes.map((route, index) => (index === 0 ? { ...route, port } : route)) }
      }
      await this.#keep({ ...this.#state, front: { bind, port }, slots: { blue: moved('blue'), green: moved('green') } })
      if (this.#front !== null) quiet(this.#front)
      this.#front = opened
    })
  }

  /** Gives the loopback port of each service's preview. */
  preview(
    slot: Slot,
    release: string,
    services: readonly Pick<Route, 'service' | 'endpoints'>[],
  ): Promise<Record<string, number>> {
    return this.#change(async () => {
      const known = this.#state.slots[slot]?.routes ?? []
      const front = this.#state.front?.port ?? null
      const routes: Route[] = []
      for (const { service, endpoints } of services) {
        const before = known.find((route) => route.service === service)?.preview ?? 0
        const preview = await this.#openPreview(slot, service, before)
        routes.push({ service, endpoints: [...endpoints], preview, port: routes.length === 0 ? front : null })
      }
      await this.#keep({ ...this.#state, slots: { ...this.#state.slots, [slot]: { release, routes } } })
      for (const { service } of known)
        if (!routes.some((route) => route.service === service)) this.#closePreview(slot, service)
      return Object.fromEntries(routes.map((route) => [route.service, route.preview]))
    })
  }

  /** From the next request on. */
  limit(limits: Limits): Promise<Limits> {
    return this.#change(async () => {
      await this.#keep({ ...this.#state, limits })
      return limits
    })
  }

  shift(weights: Weights): Promise<Weights> {
    return this.#change(async () => {
      for (const slot of ['blue', 'green'] as const) {
        if (weights[slot] > 0 && !this.#state.slots[slot]?.routes.some(({ endpoints }) => endpoints.length > 0)) {
          throw new Failure('ROUTER_DISAGREES', `the router knows no endpoint in ${slot}; nothing was changed`)
        }
      }
      if (!sameWeights(weights, this.#state.weights)) await this.#keep({ ...this.#state, weights })
      return this.#state.weights
    })
  }

  /** Closes what a slot without traffic has left. */
  closeLeftovers(slot: Slot): Promise<number> {
    if (this.#state.weights[slot] > 0)
      throw new Failure('ROUTER_DISAGREES', `${slot} has traffic; its requests are not closed`)
    return this.traffic[slot].closePaced()
  }

  stop(): void {
    if (this.#front !== null) quiet(this.#front)
    for (const { server } of this.#previews.values()) quiet(server)
  }

  /** One change at a time, in the order they came. */
  #change<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change)
    this.#changes = result.catch(() => undefined)
    return result
  }

  async #keep(state: RouterState): Promise<void> {
    await saveState(this.#folder, state)
    this.#state = state
  }

  async #openFront(bind: string, port: number): Promise<Server> {
    const server = this.#proxy(() => {
      const slot = this.#chooser.next(this.#state.weights)
      return slot === null ? null : this.#destination(slot, (route) => route.port !== null, this.traffic[slot])
    })
    await listen(server, bind, port)
    return server
  }

  async #openPreview(slot: Slot, service: string, port: number): Promise<number> {
    const key = `${slot}/${service}`
    const open = this.#previews.get(key)
    if (open !== undefined) return open.port
    const server = this.#proxy(() => this.#destination(slot, (route) => route.service === service, null))
    // A kept port that someone took meanwhile is no reason to stay away: the preview's port is ours to choose.
    const opened = await listen(server, '127.0.0.1', port).catch(() => listen(server, '127.0.0.1', 0))
    this.#previews.set(key, { server, port: opened })
    return opened
  }

  #closePreview(slot: Slot, service: string): void {
    const key = `${slot}/${service}`
    const open = this.#previews.get(key)
    if (open !== undefined) quiet(open.server)
    this.#previews.delete(key)
  }

  #proxy(choose: () => Destination | null): Server {
    return createProxy({
      ...{ choose, secret: () => this.#state.secret, limits: () => limitsOf(this.#state.limits), note: this.#note },
    })
  }

  #destination(slot: Slot, wanted: (route: Route) => boolean, traffic: Traffic | null): Destination | null {
    const endpoints = this.#state.slots[slot]?.routes.find(wanted)?.endpoints ?? []
    if (endpoints.length === 0) return null
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER
    return { slot, endpoints, turn: this.#turn, traffic }
  }
}
