// npm run prove [-- --target process|docker|compose] [-- --strategy blue-green|canary] [-- --short]: deploys and rollbacks under load;
// the table goes to standard output and to prove-report.md. Ends with 1 when a request was lost.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { endLeftovers } from '../demo/run-folder.ts'
import { cleanTarget, groundTargets } from '../demo/targets.ts'
import { proveCell, short, strategies, whole, type Cell } from './cell.ts'
import { lostOf, tableOf } from './table.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    strategy: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
})
const targets = chosen('target', values.target, groundTargets)
const amount = values.short ? short : whole

const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => interrupt.abort(new Error(`ended by ${name}`)))

const { signal } = interrupt
const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
const cells: Cell[] = []
await endLeftovers(cleanTarget)
for (const target of targets)
  for (const strategy of chosen('strategy', values.strategy, strategies)) {
    if (signal.aborted) break
    // One that cannot be brought to its end does not keep the others from being proven.
    await proveCell(target, strategy, amount, say, signal).then(
      (cell) => cells.push(cell),
      (thrown: unknown) => {
        console.error(`${target} ${strategy} came to no end:`, thrown)
        process.exitCode = 1
      },
    )
  }
const table = tableOf(cells)
await writeFile('prove-report.md', `${table}\n`)
console.log(`\n${table}\n`)
for (const { target, strategy, faults, deploys } of cells) {
  for (const fault of faults) console.log(`${target} ${strategy}: ${fault}`)
  if (deploys.lost > 0) console.log(`${target} ${strategy}: lost ${JSON.stringify(deploys.lostBy)}`)
}
const lost = cells.reduce((sum, cell) => sum + lostOf(cell), 0)
const faults = cells.reduce((sum, cell) => sum + cell.faults.length, 0)
const runs = cells.reduce((sum, cell) => sum + cell.runs, 0)
console.log(`cells=${cells.length} runs=${runs} lost=${lost} faults=${faults}`)
if (lost + faults > 0) process.exitCode = 1

function chosen<Name extends string>(flag: string, given: string | undefined, all: readonly Name[]): readonly Name[] {
  if (given === undefined) return all
  const found = all.filter((name) => name === given)
  if (found.length > 0) return found
  console.error(`--${flag} ${given} is not known; choose one of: ${all.join(', ')}`)
  process.exit(2)
}
