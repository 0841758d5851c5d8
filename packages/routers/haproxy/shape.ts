import type { Slot } from '#kernel'

/**
 * Routed services of a release that one router can hold. All lanes are in its configuration from the start, with ports of their own:
 * a release with another service then needs no new router and costs no gap, and an idle lane costs nothing (its servers are not
 * checked; publishing 16 ports made no measurable difference to the start of the container).
 */
export const laneCount = 8

/** Instances of one service that a lane can hold. */
export const serverCount = 8

/** Where things are inside the container; the folder is mounted from the state folder. */
export const insideFolder = '/usr/local/etc/haproxy'
const firstFrontPort = 8080
const firstPreviewPort = 8101

/** The answers of one routed service in one slot. `endpoints` are `address:port`, in the order of the instances. */
export interface Lane {
  readonly service: string
  readonly health: string
  readonly endpoints: readonly string[]
  /** HTTP/1.1 without. */
  readonly protocol?: 'h2c' | undefined
}

/** Null: nothing of the slot's release belongs at the front of that number. */
export type LanesOfSlots = Readonly<Record<Slot, readonly (Lane | null)[]>>

/** `index` counts from 0; a front answers from the lane of its number, and there are fewer fronts than lanes. */
export function frontName(index: number): string {
  return index === 0 ? 'front' : `front-${index + 1}`
}

export function frontPort(index: number): number {
  return firstFrontPort + index
}

/** `index` counts from 0. */
export function laneName(slot: Slot, index: number): string {
  return `${slot}-${index + 1}`
}

/** What an app may speak: HTTP/1.1, or HTTP/2 without TLS and without asking (RFC 9113, 3.3). */
export const protocols = ['http', 'h2c'] as const

export function protocolOf(lane: Lane | null | undefined): (typeof protocols)[number] {
  return lane?.protocol ?? 'http'
}

/** `at` counts from 0. */
export function serverName(protocol: (typeof protocols)[number], at: number): string {
  return `${protocol === 'h2c' ? 'h' : 's'}${at + 1}`
}

/** WebSockets have a backend of their own, so that they can be counted apart. */
export function socketName(slot: Slot, index: number): string {
  return `${laneName(slot, index)}-socket`
}

export function previewName(slot: Slot, index: number): string {
  return `${laneName(slot, index)}-preview`
}

/** How far a preview's port is from the first one, inside the container and on the host alike. */
export function previewOffset(slot: Slot, index: number): number {
  return index * 2 + (slot === 'green' ? 1 : 0)
}

export function previewPort(slot: Slot, index: number): number {
  return firstPreviewPort + previewOffset(slot, index)
}
