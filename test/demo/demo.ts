import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startLoad, type RunningLoad } from '../load/start-load.ts'
import { Narrator } from './narrator.ts'
import type { ChapterRecord } from './record.ts'
import { renderHtml } from './report/html.ts'
import { makeReport, type DemoReport } from './report/report.ts'
import { renderTable } from './report/table.ts'
import { endLeftovers, RunFolder } from './run-folder.ts'
import { Stage, Unexpected } from './stage.ts'
import { setUp, storyOf, tell } from './story.ts'
import { cleanTarget, isTarget, openWorld, targets, type TargetName } from './targets.ts'

const REQUESTS_PER_SECOND = 120
const INTERVAL_MS = 200
const REST_MS = 1500

const { values } = parseArgs({ options: { target: { type: 'string', default: 'process' } } })
const { target } = values
if (!isTarget(target)) {
  console.error(`--target ${target} is not known; choose one of: ${targets.join(', ')}`)
  process.exit(1)
}

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupt.abort(`ended by ${signal}`))

try {
  const report = await demo(target, interrupt.signal)
  process.exitCode = report.verdict === 'pass' ? 0 : 1
} catch (error) {
  const isInterrupted = interrupt.signal.aborted
  if (isInterrupted)
    console.error(`\nThe demo was ${String(interrupt.signal.reason)}; everything of it was taken down.`)
  else console.error(error instanceof Unexpected ? `The demo could not begin: ${error.message}` : error)
  process.exitCode = isInterrupted ? 130 : 1
}

/** Plays the whole story and writes both reports into the current folder. */
async function demo(target: TargetName, signal: AbortSignal): Promise<DemoReport> {
  const startedMs = Date.now()
  const narrator = new Narrator(process.stdout)
  narrator.waiting('building v1 and taking the front …')
  const leftovers = await endLeftovers(cleanTarget)
  const run = await RunFolder.make(target)
  const lasting = new AsyncDisposableStack()
  let strays: string[] = []
  lasting.defer(async () => void (strays = (await run.remove()).map(({ pid, command }) => `${pid} ${command}`)))

  const world = await openWorld(target, run).catch(async (error: unknown) => {
    await lasting.disposeAsync()
    throw error
  })
  lasting.defer(() => world.remove())

  const chapters: ChapterRecord[] = []
  let load: RunningLoad | undefined
  try {
    const stage = new Stage({ world, narrator, signal })
    const first = await stage.prepare(setUp)
    narrator.front(world.front)
    for (const { ended, target: what } of leftovers)
      narrator.say(
        `took down what a killed demo had left: ${ended.length} processes${what === 'docker' ? ' and its containers' : ''}`,
      )

    load = await startLoad(
      { url: world.front, rate: REQUESTS_PER_SECOND, sockets: 2, intervalMs: INTERVAL_MS },
      (line) => {
        if (line.type === 'interval') narrator.load(line)
        if (line.type === 'lost') narrator.bad(`LOST: ${line.kind} ${line.reason} (${line.detail})`)
      },
    )
    await run.know(load.pid, 'load')
    const story = storyOf(first)
    await tell(stage, story, (record) => chapters.push(record))
    await rest(signal)
    narrator.quiet()
    const total = await load.stop()
    const { lines } = load
    load = undefined
    narrator.say('taking everything down')
    await lasting.disposeAsync()

    const observed = {
      target,
      front: world.front,
      startedMs,
      endedMs: Date.now(),
      chapters,
      chaptersPlanned: story.length,
      lines,
      total,
      strays,
    }
    const report = makeReport(observed)
    await writeFile('demo-report.json', `${JSON.stringify(report, null, 1)}\n`)
    await writeFile('demo-report.html', renderHtml(report))
    narrator.text(renderTable(report))
    narrator.text(
      `  demo-report.html and demo-report.json are in this folder.\n\n  The demo ${report.verdict === 'pass' ? 'passed' : 'FAILED'}.`,
    )
    return report
  } finally {
    narrator.quiet()
    await load?.stop().catch(() => undefined)
    if (!lasting.disposed) await lasting.disposeAsync()
  }
}

/** The load goes on for a moment after the last change. */
function rest(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, REST_MS)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new Error(String(signal.reason)))
    })
  })
}
