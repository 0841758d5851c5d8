import type { Config } from './config.ts'
import { readListen } from './fields/index.ts'
import type { Listen } from './fields/index.ts'

/** Fronts of single services by their names, beside the app's own. */
export type Listens = Readonly<Record<string, Listen>>

export interface Listening {
  /** The app's own front; null where nobody said. */
  readonly listen: Listen | null
  readonly listens: Listens
}

/**
 * Where clients come in, as the configuration file has it. The app's own front is that of the first routed service that has no `listen`;
 * where all have one, it is the first one's.
 */
export function listeningOf({ services = {} }: Pick<Config, 'services'>): Listening {
  const routed = Object.entries(services).filter(([, { port }]) => port !== undefined)
  const own = routed.flatMap(([name, { listen }]) =>
    listen === undefined ? [] : [[name, readListen(listen)] as const],
  )
  const [first, ...others] = own
  return first !== undefined && own.length === routed.length
    ? { listen: first[1], listens: Object.fromEntries(others) }
    : { listen: null, listens: Object.fromEntries(own) }
}
