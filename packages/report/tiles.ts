import type { Series } from '#kernel'
import { errorShare, grouped, shownChange, shownMs, shownShare } from './shown.ts'

const percentiles = [
  ['p50', 'median'],
  ['p95', '95th percentile'],
  ['p99', '99th percentile'],
] as const

/** The figures that people look for first: of the new release, with the old one's under them. */
export function tiles(series: readonly Series[]): string {
  const fresh = series.find(({ of }) => of === 'new') ?? series[0]
  const old = series.find((each) => each.of === 'old' && each !== fresh)
  if (fresh === undefined || fresh.sample.samples === 0) return ''
  const before = (shown: string, change = '') =>
    old === undefined || old.sample.samples === 0
      ? ''
      : `<small>${change === '' ? '' : `${change} · `}old: ${shown}</small>`
  const tile = (value: string, words: string, more: string) =>
    `<div class="tile"><b>${value}</b><span>${words}</span>${more}</div>`
  const share = (each: Series | undefined) => {
    const errors = each === undefined ? null : errorShare(each.sample)
    return errors === null ? '–' : shownShare(errors)
  }
  return `<div class="tiles">${[
    ...percentiles.map(([name, words]) => {
      const [now, then] = [fresh.sample[name], old?.sample[name] ?? null]
      return tile(shownMs(now), words, before(shownMs(then), shownChange(now, then)))
    }),
    tile(share(fresh), 'bad answers', before(share(old))),
    tile(grouped(fresh.sample.samples), 'samples', before(grouped(old?.sample.samples ?? 0))),
  ].join('')}</div>`
}
