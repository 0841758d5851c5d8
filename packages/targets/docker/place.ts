import type { Host } from '#kernel'
import type { Engine } from './engine.ts'
import type { Login } from './login.ts'
import type { Names } from './names.ts'
import type { Records } from './records.ts'

/** What everything that is done to the slots of one environment works with. */
export interface Place {
  readonly host: Host
  readonly engine: Engine
  readonly names: Names
  readonly records: Records
  /** Images that this run has seen on the engine, by their references. */
  readonly here: Set<string>
  /** For pulls of the release's images, where one was given. */
  readonly login?: Login | undefined
}
