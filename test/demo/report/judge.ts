import type { Observed } from './report.ts'

/** Something that has to hold for the demo to pass. */
export interface Condition {
  readonly what: string
  readonly ok: boolean
  /** The number that decides. */
  readonly found: string
}

export const TRAFFIC_BACK_MS = 2000
const BROKEN = 'v4'
const KEPT_OUT = 'v3'

/** What the demo stands or falls by. */
export function judge(observed: Observed, trafficBackMs: number | null): Condition[] {
  const { total, chapters, chaptersPlanned, strays } = observed
  const others = Object.entries(total.seen).filter(([version, { bad }]) => version !== BROKEN && bad > 0)
  const broken = total.seen[BROKEN]?.bad ?? 0
  const wrong = chapters.filter(({ asExpected }) => !asExpected)
  const last = chapters.at(-1)
  return [
    { what: 'No request was lost', ok: total.lost === 0, found: `${total.lost} lost of ${total.sent}` },
    {
      what: `No release but ${BROKEN} answered badly`,
      ok: others.length === 0,
      found: others.map(([version, { bad }]) => `${version}: ${bad}`).join(', ') || '0 bad answers',
    },
    { what: `${BROKEN} was really broken`, ok: broken > 0, found: `${broken} bad answers` },
    {
      what: `Traffic was back within ${TRAFFIC_BACK_MS / 1000} s of the breach being seen`,
      ok: trafficBackMs !== null && trafficBackMs <= TRAFFIC_BACK_MS,
      found: trafficBackMs === null ? 'no breach was seen' : `${Math.max(0, trafficBackMs)} ms`,
    },
    {
      what: `${KEPT_OUT} never got a request`,
      ok: total.seen[KEPT_OUT] === undefined,
      found: `${total.seen[KEPT_OUT]?.answered ?? 0} requests`,
    },
    {
      what: 'Every part of the story went as told',
      ok: wrong.length === 0 && chapters.length === chaptersPlanned,
      found: wrong[0]
        ? `${wrong[0].name}: ${wrong[0].happened}`
        : `${chapters.length} of ${chaptersPlanned}, the last: ${last?.happened ?? '–'}`,
    },
    { what: 'The load kept its pace', ok: total.skipped === 0, found: `${total.skipped} requests not sent in time` },
    {
      what: 'Nothing of it is left running',
      ok: strays.length === 0,
      found: strays.length === 0 ? '0 processes' : strays.join(', '),
    },
  ]
}
