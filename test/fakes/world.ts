import { Failure, allTo, emptySlot, isExclusive, loneServices, noTraffic, other, slotHeader, slots } from '#kernel'
import type { Event, LedgerEntry, Measurement, Release, RouterTotals, Slot, SlotSeen, Weights } from '#kernel'
import type { Ports } from '../../packages/operations/ports.ts'

/** How a release behaves. */
export interface Traits {
  readonly starts: boolean
  readonly healthy: boolean
  /** Share of answers that are 5xx once it has traffic. */
  readonly errorShare: number
  /** Its worker ends again and again. */
  readonly workerEnds?: boolean
  /** The team's command at that time fails. */
  readonly hookFails?: 'before-shift' | 'after-shift'
}

export const wellBehaved: Traits = { starts: true, healthy: true, errorShare: 0 }

/** When the process dies; worlds of several hosts share one. */
export interface Fate {
  effects: number
  crashAfter: number
  /** The effect at which the crash comes is done by half. */
  crashHalfway: boolean
  crashed: boolean
}

export const longLife = (): Fate => ({
  effects: 0,
  crashAfter: Number.POSITIVE_INFINITY,
  crashHalfway: false,
  crashed: false,
})

/** The process died: nothing of it happens any more, not even its undo. */
export class Crash extends Error {}

interface Place {
  release: Release | null
  state: SlotSeen['state']
  generation: number
  /** The run whose gate it passed since it was started last. */
  gatedIn: number
  streak: number
  /** It had traffic that was not drained yet. */
  busy: boolean
  /** What of its service `worker` runs. */
  worker: 'stopped' | 'partial' | 'running'
}

const workerOf = (release: Release | null) => release?.services.find(({ name }) => name === 'worker')

/**
 * A world in memory in which promises can be broken and are noticed: the ports of an environment, traits by version, and a
 * crash after any effect. The real targets and routers pass their own contracts; this one is for searching strategies.
 */
export class World {
  readonly traits = new Map<string, Traits>()
  readonly broken: string[] = []
  readonly events: Event[] = []
  readonly places: Record<Slot, Place>
  weights: Weights = noTraffic
  history: LedgerEntry[] = []
  run = 0
  readonly fate: Fate
  /** How many turns of the event loop's microtasks a start and a drain take here: hosts are not equally quick. */
  readonly lag: number
  private now = 1_000_000
  private fence = 0
  private served = { blue: 0, green: 0 }
  private failed = { blue: 0, green: 0 }

  constructor(fate: Fate = longLife(), lag = 0) {
    this.fate = fate
    this.lag = lag
    const place = (): Place => ({
      ...{ release: null, state: 'empty', generation: 0, gatedIn: -1, streak: 0, busy: false, worker: 'stopped' },
    })
    this.places = { blue: place(), green: place() }
  }

  /** A new process comes: whatever the last one was doing is over. */
  begin(crashAfter = Number.POSITIVE_INFINITY, crashHalfway = false): void {
    this.run++
    Object.assign(this.fate, { effects: 0, crashed: false, crashAfter, crashHalfway })
    for (const slot of slots) this.places[slot].streak = 0
  }

  /** What tells two worlds apart, for counting. */
  fingerprint(): string {
    const place = (slot: Slot) => {
      const { release, state, generation, busy, worker } = this.places[slot]
      return `${release?.version ?? '-'}/${state}/${worker}/${Math.sign(generation - this.places[other(slot)].generation)}/${busy}`
    }
    return `${place('blue')} ${place('green')} ${this.weights.blue}:${this.weights.green} ${this.history.map((entry) => `${entry.release.version}${entry.state}`).join(',')}`
  }

  ports(): Ports {
    return {
      target: {
        observe: async () => this.alive({ blue: this.seen('blue'), green: this.seen('green') }),
        start: async (slot, release) => {
          await this.pass()
          return this.effect(() => this.start(slot, release))
        },
        stop: async (slot, { remove }) => this.effect(() => this.stop(slot, remove)),
        handOver: async (slot) => this.effect(() => this.handOver(slot)),
        logs: async () => this.alive(''),
        place: (_kind, release) => ({
          run: async ({ argv: [when] }) => this.effect(() => this.hook(when, release)),
          put: () => {
            throw new Failure('INTERNAL', 'not scripted')
          },
        }),
        prune: async () => this.effect(() => undefined),
      },
      router: {
        read: async () => this.alive(this.weights),
        preview: async (slot) => this.alive({ web: `http://preview-${slot}` }),
        shift: async (weights) => this.effect(() => this.shift(weights)),
        drain: async (slot) => {
          await this.pass()
          return this.effect(() => {
            this.places[slot].busy = false
            return { requests: 0, sockets: 0, closed: 0 }
          })
        },
        front: async () => this.alive({ urls: { web: 'http://front' }, headers: { secret: 'x' } }),
        stats: async (slot) => this.alive(this.totals(slot)),
      },
      lease: {
        acquire: async () => this.effect(() => ({ fence: ++this.fence })),
        renew: async () => this.alive(undefined),
        release: async () => this.alive(undefined),
        inspect: async () => this.alive(null),
      },
      ledger: {
        open: async (entry) =>
          this.effect(() => {
            const id = `e${this.history.length}`
            this.history = [{ ...entry, id }, ...this.history]
            return id
          }),
        mark: async (id, state, evidence) =>
          this.effect(() => {
            this.history = this.history.map((entry) => (entry.id === id ? { ...entry, state, evidence } : entry))
          }),
        history: async () => this.alive(this.history),
      },
      probe: { once: async ({ url }) => this.alive(this.probe(url)) },
      clock: {
        now: () => this.now,
        monotonic: () => this.now,
        sleep: async (ms, signal) => {
          this.alive(undefined)
          // The heartbeat only ends; it never has to renew within these short runs.
          if (ms >= 10_000)
            return await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('over'))))
          this.now += ms
          this.serve(Math.ceil(ms / 5))
        },
      },
      listener: { tell: (event) => this.events.push(event) },
      setUp: async () => this.alive([]),
    }
  }

  private async pass(): Promise<void> {
    for (let at = 0; at < this.lag; at++) await Promise.resolve()
  }

  private alive<Value>(value: Value): Value {
    if (this.fate.crashed) throw new Crash()
    return value
  }

  private effect<Value>(act: () => Value): Value {
    this.alive(undefined)
    this.fate.effects++
    const isLast = this.fate.effects > this.fate.crashAfter
    if (isLast && !this.fate.crashHalfway) this.fate.crashed = true
    this.alive(undefined)
    const value = act()
    if (!isLast) return value
    this.fate.crashed = true
    throw new Crash()
  }

  private seen(slot: Slot): SlotSeen {
    const { release, state, generation, worker } = this.places[slot]
    if (release === null) return emptySlot
    const endpoints = [{ service: 'web', instance: 1, address: slot }]
    if (this.isLone(slot)) return { release, state, generation, endpoints, lone: worker }
    const isWhole = workerOf(release) === undefined || worker === 'running'
    return { release, state: state === 'running' && !isWhole ? 'partial' : state, generation, endpoints }
  }

  /** Must the worker of this slot not run beside that of the other one? */
  private isLone(slot: Slot): boolean {
    const { release } = this.places[slot]
    return release !== null && loneServices(release, this.places[other(slot)].release).length > 0
  }

  private handOver(slot: Slot): void {
    const [here, there] = [this.places[slot], this.places[other(slot)]]
    if (here.release === null) return this.violated(`handed over to ${slot}, which is empty`)
    if (this.isLone(slot) || this.isLone(other(slot))) there.worker = 'stopped'
    if (this.fate.effects <= this.fate.crashAfter && this.isLone(slot)) this.startWorker(slot)
  }

  private hook(when: string, release: Release | undefined) {
    const slot = slots.find((each) => this.places[each].release?.id === release?.id)
    const place = slot === undefined ? undefined : this.places[slot]
    if (slot === undefined || place?.gatedIn !== this.run) this.violated(`${when} ran for what was not gated`)
    else if (this.weights[slot] !== (when === 'before-shift' ? 0 : 100))
      this.violated(`${when} ran with ${this.weights[slot]} % of the traffic`)
    if (this.traits.get(release?.version ?? '')?.hookFails === when)
      throw new Failure('COMMAND_FAILED', `${when} fails`)
    return { exitCode: 0, stdout: '', stderr: '', durationMs: 0 }
  }

  private startWorker(slot: Slot): void {
    const { release } = this.places[slot]
    if (workerOf(release) === undefined) return
    this.places[slot].worker = this.traitsOf(slot).workerEnds === true ? 'partial' : 'running'
    if (this.places[other(slot)].worker !== 'stopped' && (this.isLone(slot) || this.isLone(other(slot))))
      this.violated(`two workers that must not run twice`)
  }

  /**
   * What is wrong with the workers, once a run is over: those of the release that serves run, and no other that must not. A refused
   * run leaves traffic where a killed one brought it, and the workers with the release that it took it from.
   */
  misplaced(isRefused: boolean): string | null {
    const slot = slots.find((each) => this.weights[each] === 100)
    if (slot === undefined || this.places[slot].state !== 'running') return null
    const isMissing =
      workerOf(this.places[slot].release) !== undefined &&
      this.places[slot].worker !== 'running' &&
      this.traitsOf(slot).workerEnds !== true
    const there = this.places[other(slot)]
    if (isRefused && (there.worker === 'running' || (there.release !== null && workerOf(there.release) === undefined)))
      return null
    if (isMissing) return `the worker of ${slot}, which serves, is ${this.places[slot].worker}`
    const isLeft = this.isLone(other(slot)) && this.places[other(slot)].worker !== 'stopped'
    return isLeft ? `the worker of ${other(slot)} still runs` : null
  }

  private traitsOf(slot: Slot): Traits {
    return this.traits.get(this.places[slot].release?.version ?? '') ?? wellBehaved
  }

  private isExclusive(slot: Slot): boolean {
    const { release } = this.places[slot]
    return release !== null && isExclusive(release)
  }

  private start(slot: Slot, release: Release) {
    const place = this.places[slot]
    const beside = this.places[other(slot)]
    const isBeside = beside.state === 'running' || beside.state === 'partial'
    if (isBeside && (isExclusive(release) || this.isExclusive(other(slot))))
      this.violated(`started ${release.version} beside ${beside.release?.version}`)
    const isSame = place.release?.id === release.id && place.state === 'running'
    if (!isSame && this.weights[slot] > 0 && place.release?.id !== release.id)
      this.violated(`started ${release.version} in ${slot}, which has traffic`)
    if (!isSame && place.busy && place.release?.id !== release.id)
      this.violated(`replaced ${slot} before it was drained`)
    if (!isSame) Object.assign(place, { release, gatedIn: -1, streak: 0, busy: false, worker: 'stopped' })
    place.generation = this.fence
    if (!(this.traits.get(release.version) ?? wellBehaved).starts) {
      place.state = 'stopped'
      throw new Failure('START_FAILED', `${release.version} does not start`)
    }
    place.state = this.fate.effects > this.fate.crashAfter && !isSame ? 'partial' : 'running'
    if (!this.isLone(slot) && place.worker === 'stopped') this.startWorker(slot)
    return [{ service: 'web', instance: 1, address: slot }]
  }

  private stop(slot: Slot, remove: boolean): void {
    const place = this.places[slot]
    if (this.weights[slot] > 0) this.violated(`stopped ${slot}, which has ${this.weights[slot]} % of the traffic`)
    if (place.busy) this.violated(`stopped ${slot} before it was drained`)
    Object.assign(place, { state: 'stopped', gatedIn: -1, streak: 0, worker: 'stopped' })
    if (remove) Object.assign(place, { release: null, state: 'empty' })
  }

  private shift(weights: Weights): void {
    for (const slot of slots) {
      const place = this.places[slot]
      if (weights[slot] > this.weights[slot]) {
        if (place.state !== 'running') this.violated(`sent traffic to ${slot}, which is ${place.state}`)
        if (place.gatedIn !== this.run)
          this.violated(`sent traffic to ${slot}, which did not pass its gate in this run`)
      }
      if (this.weights[slot] > 0) place.busy = true
    }
    const isRecreated = this.history.some(({ release }) => isExclusive(release))
    if (!isRecreated && weights.blue + weights.green === 0 && this.history.some((entry) => entry.state === 'good'))
      this.violated('took all traffic away')
    this.weights = weights
  }

  private probe(url: string): Measurement {
    const preview = /preview-(\w+)/.exec(url)?.[1] as Slot | undefined
    const slot = preview ?? (this.weights.green > this.weights.blue ? 'green' : 'blue')
    const place = this.places[slot]
    const ok =
      place.state === 'running' && this.traitsOf(slot).healthy && (preview !== undefined || this.weights[slot] > 0)
    if (preview !== undefined) {
      place.streak = ok ? place.streak + 1 : 0
      if (place.streak >= 3) place.gatedIn = this.run
    }
    const body = JSON.stringify({ version: place.release?.version })
    return ok
      ? { ok, status: 200, latencyMs: 1, body, headers: { [slotHeader]: slot } }
      : { ok, latencyMs: 1, why: 'sick' }
  }

  private serve(requests: number): void {
    for (const slot of slots) {
      const share = (requests * this.weights[slot]) / 100
      this.served[slot] += share
      this.failed[slot] += share * this.traitsOf(slot).errorShare
    }
  }

  private totals(slot: Slot): RouterTotals {
    return {
      requests: Math.round(this.served[slot]),
      errors: Math.round(this.failed[slot]),
      inFlight: 0,
      sockets: 0,
      latencies: [],
    }
  }

  private violated(what: string): void {
    this.broken.push(`run ${this.run}: ${what}`)
  }

  get crashed(): boolean {
    return this.fate.crashed
  }

  /** The version that gets all the traffic and can answer; null otherwise. */
  serving(): string | null {
    const slot = slots.find((each) => this.weights[each] === 100 && allTo(each)[each] === 100)
    if (slot === undefined || this.places[slot].state !== 'running') return null
    return this.places[slot].release?.version ?? null
  }

  running(): readonly string[] {
    return slots.flatMap((slot) =>
      this.places[slot].state === 'running' || this.places[slot].state === 'partial'
        ? (this.places[slot].release?.version ?? [])
        : [],
    )
  }
}
