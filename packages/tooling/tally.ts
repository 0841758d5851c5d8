// node tally.ts FILE [SECOND]: the one line that CI ends with, from the files that jest --json wrote; what SECOND ran again counts
// instead of what FILE says of it.
// node tally.ts --failed FILE: the test files that failed, a line each.
import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'

const testSchema = z.object({
  status: z.string(),
  fullName: z.string().default(''),
  failureMessages: z.array(z.string()).default([]),
})
const resultSchema = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(testSchema),
    }),
  ),
})
type Result = z.output<typeof resultSchema>
type TestFile = Result['testResults'][number]

const [first = '', second = ''] = process.argv.slice(2)
if (first === '--failed') for (const { name } of read(second).testResults.filter(hasFailed)) console.log(name)
else tell(read(first), existsSync(second) ? read(second) : undefined)

function tell(whole: Result, again: Result | undefined): void {
  const files = new Map([...whole.testResults, ...(again?.testResults ?? [])].map((file) => [file.name, file]))
  const tests = [...files.values()].flatMap(({ assertionResults }) => assertionResults)
  const count = (...statuses: string[]): number => tests.filter(({ status }) => statuses.includes(status)).length

  // A suite that cannot even be loaded has no tests that could fail: it counts as one.
  const unloaded = [...files.values()].filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
  const passed = count('passed')
  const failed = count('failed') + unloaded.length
  const skipped = tests.length - passed - count('failed')
  const isGood = (again ?? whole).success && passed > 0 && ![...files.values()].some(hasFailed)

  for (const file of [...whole.testResults, ...(again?.testResults ?? [])].filter(hasFailed)) explain(file)
  if (again) console.log(`run twice, the second time alone: ${again.testResults.map(({ name }) => name).join(' ')}`)
  console.log(
    `${passed} passed, ${Math.max(failed, isGood ? 0 : 1)} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  )
  if (!isGood) process.exitCode = 1
}

/** What failed, once more at the end, where it is looked for. */
function explain({ name, message, assertionResults }: TestFile): void {
  const failed = assertionResults.filter(({ status }) => status === 'failed')
  console.log(`failed in ${name}`)
  for (const { fullName, failureMessages } of failed)
    console.log(`  ${fullName}\n${beginning(failureMessages.join('\n'))}`)
  if (failed.length === 0) console.log(beginning(message))
}

function beginning(message: string): string {
  const lines = stripVTControlCharacters(message).slice(0, 2_000).split('\n')
  return lines.slice(0, 20).join('\n')
}

function hasFailed({ status, assertionResults }: TestFile): boolean {
  return status === 'failed' || assertionResults.some((test) => test.status === 'failed')
}

/** A run that left no result has failed, whatever else it said. */
function read(path: string): Result {
  try {
    return resultSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    console.error(`jest left no result in ${path}: ${error instanceof Error ? error.message : String(error)}`)
    return { success: false, testResults: [] }
  }
}
