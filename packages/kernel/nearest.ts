/** The known word with the smallest edit distance (Levenshtein). */
export function nearestWord(word: string, known: readonly string[]): string {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, at) => at)
    for (let i = 1; i <= a.length; i++) {
      const next = [i]
      for (let j = 1; j <= b.length; j++) {
        const cost = a[i - 1] === b[j - 1] ? 0 : 1
        next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost))
      }
      row = next
    }
    return row[b.length] ?? 0
  }
  const shortened = word.slice(0, 64)
  return known.reduce(
    (best, each) => (distance(shortened, each) < distance(shortened, best) ? each : best),
    known[0] ?? '',
  )
}
