import { weightMap } from './config.ts'
import { seeContainer } from './container.ts'
import type { SeenContainer } from './container.ts'
import type { Engine } from './engine.ts'
import type { Names } from './names.ts'
import { ask } from './runtime.ts'

/** What the router shows of itself: each of these looks is a process on the host. */
export interface Looked {
  /** Its map of weights as it has it; null when it does not run. */
  readonly shown: string | null
  readonly seen: SeenContainer | null
}

/** For so long a look that a reader took also counts for the set-up that follows it, in ms. */
const freshMs = 5_000

/** Reading always looks anew; setting up takes what was read a moment before, or is being read, and looks itself only without. */
export function looksAt(engine: Engine, names: Names) {
  let last: { readonly looked: Promise<Looked>; readonly atMs: number } | null = null
  const look = (): Promise<Looked> => {
    const both = Promise.all([ask(engine, names.container, [`show map ${weightMap}`]), seeContainer(engine, names)])
    const looked = both.then(([shown, seen]) => ({ shown, seen }))
    const taken = { looked, atMs: performance.now() }
    last = taken
    looked.catch(() => last === taken && (last = null))
    return looked
  }
  const recent = () => (last !== null && performance.now() - last.atMs < freshMs ? last.looked : look())
  return {
    read: look,
    /** For what is asked before anything is changed. */
    recent,
    /** Once: what is set up may have changed it. */
    async forSetUp(): Promise<Looked> {
      const mine = recent()
      last = null
      return mine
    },
  }
}
