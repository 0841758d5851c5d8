import type { Slot } from '#kernel'

/** Routed services of a release that one router can hold; each has a preview of its own in both slots. */
export const laneCount = 8

/** Instances of one service that a lane can hold: their addresses are together the name of one folder, at most 255 bytes. */
export const serverCount = 8

/** Below the state folder: what nginx reads, and the links that tell it where requests go. */
export const nginxFolder = 'router/nginx'

/** Included by the team in its `http {}`. */
export const httpFile = 'http.conf'

/** Included by the team in a `server {}` of its own, if it has one that the app is to answer in. */
export const serverFile = 'server.conf'

/** Included there too, beside the team's own `access_log`, so that what that server answers is counted. */
export const logFile = 'log.conf'

/** As they are included: one that is not there yet, or no more, is no fault. */
export const serverFiles = 'server*.conf'
export const logFiles = 'log*.conf'

/** The link that says how traffic is shared. */
export const weightLink = 'weight'

/** `index` counts from 0; the first lane of a slot is what the front answers from. */
export function laneLink(slot: Slot, index: number): string {
  return `${slot}-${index + 1}`
}

/** How far a preview's port is from the first one. */
export function previewOffset(slot: Slot, index: number): number {
  return index * 2 + (slot === 'green' ? 1 : 0)
}

/** After the previews comes the port where nginx says what it does. */
export const controlOffset = laneCount * 2
export const portCount = controlOffset + 1

/**
 * Part of the names of variables, which all apps share in one `http {}`: a hyphen becomes two underscores, so no two apps have the
 * same, whatever they are called.
 */
export function prefixOf(app: string, environment: string): string {
  return `sy_${app.replaceAll('-', '__')}_${environment.replaceAll('-', '__')}`
}
