import type { Place } from '../docker/place.ts'
import type { ComposeRecords } from './records.ts'

/** What everything that is done to the slots of one environment works with. */
export interface ComposePlace extends Place {
  readonly projects: ComposeRecords
}
