// npm run prove [-- --target process|docker|compose] [-- --strategy blue-green|canary] [-- --front plain|tls|nginx|all] [-- --short]: deploys
// and rollbacks under load; the table goes to standard output and to prove-report.md. [-- --apps]: three apps behind one front instead.
// Ends with 1 when a request was lost.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { endLeftovers } from '../demo/run-folder.ts'
import { cleanTarget, groundTargets } from '../demo/targets.ts'
import { proveApps, shortApps, wholeApps } from './apps.ts'
import { proveCell, short, strategies, whole, type Cell, type CellOrder } from './cell.ts'
import { fronts } from './front.ts'
import { lostOf, tableOf } from './table.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    strategy: { type: 'string' },
    /** What clients come in by; without it they come to the router itself. */
    front: { type: 'string' },
    apps: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
  },
})
const amount = values.short ? short : whole
const wanted = orders()

const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => interrupt.abort(new Error(`ended by ${name}`)))

const { signal } = interrupt
const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
const cells: Cell[] = []
await endLeftovers(cleanTarget)
if (values.apps) {
  const { isClean, line } = await proveApps(values.short ? shortApps : wholeApps, say, signal)
  console.log(line)
  process.exit(isClean ? 0 : 1)
}
for (const order of wanted) {
  if (signal.aborted) break
  // One that cannot be brought to its end does not keep the others from being proven.
  await proveCell(order, say, signal).then(
    (cell) => cells.push(cell),
    (thrown: unknown) => {
      console.error(`${titleOf(order)} came to no end:`, thrown)
      process.exitCode = 1
    },
  )
}
const table = tableOf(cells)
await writeFile('prove-report.md', `${table}\n`)
console.log(`\n${table}\n`)
for (const cell of cells) {
  for (const fault of cell.faults) console.log(`${titleOf(cell)}: ${fault}`)
  for (const { protocol, deploys } of cell.lanes)
    if (deploys.lost > 0) console.log(`${titleOf(cell)} ${protocol}: lost ${JSON.stringify(deploys.lostBy)}`)
}
const lost = cells.reduce((sum, cell) => sum + lostOf(cell), 0)
const faults = cells.reduce((sum, cell) => sum + cell.faults.length, 0)
const runs = cells.reduce((sum, cell) => sum + cell.runs, 0)
const named = values.front === undefined ? '' : `front=${values.front} `
console.log(`${named}cells=${cells.length} runs=${runs} lost=${lost} faults=${faults}`)
if (lost + faults > 0) process.exitCode = 1

/** Fronts stand before containers; nginx is tried with the plainest of them. */
function orders(): readonly CellOrder[] {
  const chosenStrategies = chosen('strategy', values.strategy, strategies)
  const all = values.front === undefined || values.front === 'all'
  const chosenFronts = values.front === undefined ? [undefined] : all ? fronts : chosen('front', values.front, fronts)
  const possible = values.front === undefined ? groundTargets : groundTargets.filter((name) => name !== 'process')
  const usual = values.front === undefined ? undefined : 'docker'
  return chosen('target', values.target ?? usual, possible).flatMap((target) =>
    chosenFronts.flatMap((front) => chosenStrategies.map((strategy) => ({ target, front, strategy, amount }))),
  )
}

function titleOf({
  target,
  strategy,
  front = 'router',
}: Pick<Cell, 'target' | 'strategy'> & { front?: string | undefined }): string {
  return `${target} ${strategy} ${front}`
}

function chosen<Name extends string>(flag: string, given: string | undefined, all: readonly Name[]): readonly Name[] {
  if (given === undefined) return all
  const found = all.filter((name) => name === given)
  if (found.length > 0) return found
  console.error(`--${flag} ${given} is not known; choose one of: ${all.join(', ')}`)
  process.exit(2)
}
