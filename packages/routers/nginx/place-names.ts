import { Failure, noTraffic, share } from '#kernel'
import type { Weights } from '#kernel'

/**
 * What nginx is told is the name of the folder that a link leads to: it looks the link up at every request (`$realpath_root`), so that
 * renaming one link is one change for all workers at once, and nothing has to be loaded again.
 */
export const noPlace = 'none'

export function weightPlace({ blue, green }: Weights): string {
  return `weight-${blue + green === 0 ? noPlace : green}`
}

/** Each address is followed by a comma. */
export function lanePlace(endpoints: readonly string[]): string {
  return endpoints.length === 0 ? noPlace : endpoints.map((endpoint) => `${endpoint},`).join('')
}

/** The weights that a link's end stands for. @throws Failure OUTPUT_UNREADABLE */
export function readWeightPlace(path: string): Weights {
  const found = /(?:^|\/)at\/weight-(none|[0-9]{1,3})$/.exec(path)?.[1]
  if (found === noPlace) return noTraffic
  const green = Number(found)
  if (!(green <= 100)) {
    throw new Failure('OUTPUT_UNREADABLE', `the router nginx has weights that are not ours: ${path.slice(0, 200)}`)
  }
  return share('green', green)
}

/** The addresses that a link's end stands for. */
export function readLanePlace(path: string): string[] {
  const name = path.split('/').at(-1) ?? ''
  return name.split(',').filter((endpoint) => endpoint.includes(':'))
}
