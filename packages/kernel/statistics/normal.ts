/** The share of the standard normal distribution above `z`, to about 14 digits also far out. */
export function normalTail(z: number): number {
  return z < 0 ? 1 - normalTail(-z) : z < 3 ? 0.5 - aroundZero(z) : farOut(z)
}

/** The `z` above which this share lies. @throws RangeError for a share that is not between 0 and 1. */
export function normalQuantile(upperShare: number): number {
  if (!(upperShare > 0 && upperShare < 1)) throw new RangeError(`no share of a distribution: ${upperShare}`)
  let low = -40
  let high = 40
  while (high - low > 1e-13) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (normalTail(middle) > upperShare) low = middle
    else high = middle
  }
  return (low + high) / 2
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
}

/** The share between 0 and `z` by the series of Abramowitz and Stegun, 26.2.11: quick where z is small. */
function aroundZero(z: number): number {
  let term = z
  let sum = z
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (z * z) / odd
    sum += term
  }
  return sum * density(z)
}

/** The tail by the continued fraction of Abramowitz and Stegun, 26.2.14: quick where z is large. */
function farOut(z: number): number {
  let below = z
  for (let depth = 100; depth > 0; depth -= 1) below = z + depth / below
  return density(z) / below
}
