/** How many of how many were bad. */
export interface Count {
  readonly bad: number
  readonly of: number
}

/**
 * Fisher's exact test (1934), one-sided: how likely so many bad ones, or more, fall on the new side when both sides are equally
 * good and so many are bad in all. As `scipy.stats.fisher_exact(…, alternative='greater')`. Never too small, whatever the shares are; where both
 * answers of a pair are bad together it only grows.
 */
export function worseTail(old: Count, new_: Count): number {
  const bad = old.bad + new_.bad
  const most = Math.min(bad, new_.of)
  let chance = Math.exp(lnChoose(new_.of, new_.bad) + lnChoose(old.of, old.bad) - lnChoose(old.of + new_.of, bad))
  let sum = chance
  for (let hits = new_.bad; hits < most; hits += 1) {
    chance *= ((bad - hits) * (new_.of - hits)) / ((hits + 1) * (old.of - bad + hits + 1))
    sum += chance
  }
  return Math.min(1, sum)
}

/** The fewest bad ones among `of` new ones that would be significant beside the old ones; null: not even all of them. */
export function fewestSignificant(old: Count, of: number, level: number): number | null {
  let low = 0
  let high = of + 1
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (worseTail(old, { bad: middle, of }) <= level) high = middle
    else low = middle
  }
  return high > of ? null : high
}

/** The smallest share (0–1) of bad ones that would come out significant with the chance `power`; null: none would. */
export function smallestShare(old: Count, of: number, level: number, power: number): number | null {
  const fewest = fewestSignificant(old, of, level)
  if (fewest === null) return null
  let low = 0
  let high = 1
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2
    if (binomialTail(fewest, of, middle) < power) low = middle
    else high = middle
  }
  return high
}

/** The chance of `hits` or more of `of`, each with the chance `share`. Both sums start at their greatest term, so that nothing is lost. */
export function binomialTail(hits: number, of: number, share: number): number {
  if (hits <= 0) return 1
  if (hits > of || share <= 0) return 0
  if (share >= 1) return 1
  const chanceOf = (count: number) =>
    Math.exp(lnChoose(of, count) + count * Math.log(share) + (of - count) * Math.log1p(-share))
  const odds = share / (1 - share)
  let sum = 0
  if (hits > of * share) {
    let chance = chanceOf(hits)
    for (let count = hits; count <= of; count += 1) {
      sum += chance
      chance *= ((of - count) / (count + 1)) * odds
    }
    return Math.min(1, sum)
  }
  let chance = chanceOf(hits - 1)
  for (let count = hits - 1; count >= 0; count -= 1) {
    sum += chance
    chance *= count / (of - count + 1) / odds
  }
  return Math.max(0, 1 - sum)
}

function lnChoose(of: number, hits: number): number {
  return lnFactorial(of) - lnFactorial(hits) - lnFactorial(of - hits)
}

/** ln n!: counted out where n is small, else by Stirling's series, right to 1e-14. */
function lnFactorial(n: number): number {
  if (n > 20) {
    const square = n * n
    const series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / n
    return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series
  }
  let product = 1
  for (let factor = 2; factor <= n; factor += 1) product *= factor
  return Math.log(product)
}
