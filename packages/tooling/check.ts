// npm run check [-- NAME…]: everything that must be true of the repository, or only the checks named.
import { inPairs } from './build/in-pairs.ts'
import { checks } from './checks/all.ts'
import type { Check } from './checks/check.ts'

const linesShown = 60

const names = process.argv.slice(2)
const unknown = names.filter((name) => !checks.some((check) => check.name === name))
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')} (there are: ${checks.map(({ name }) => name).join(', ')})`)
  process.exit(1)
}

await inPairs(
  checks.filter(({ name }) => names.length === 0 || names.includes(name)),
  report,
)

async function report({ name, run }: Check): Promise<void> {
  const started = performance.now()
  const problems = await run().catch((error: unknown) => [error instanceof Error ? error.message : String(error)])
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6)
  console.log(`${name.padEnd(14)}${problems.length === 0 ? 'ok    ' : 'FAILED'} ${seconds} s`)

  if (problems.length === 0) return
  process.exitCode = 1
  for (const problem of problems.slice(0, linesShown)) console.log(`  ${problem}`)
  if (problems.length > linesShown) console.log(`  … and ${problems.length - linesShown} lines more`)
}
