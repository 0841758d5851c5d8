// node tally.ts FILE: the one line that CI ends with, from the file that jest --json wrote.
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const resultSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  numRuntimeErrorTestSuites: z.int(),
})

const [file = ''] = process.argv.slice(2)
const result = read(file)

// A suite that cannot even be loaded has no tests that could fail: it counts as one.
const failed = result.numFailedTests + result.numRuntimeErrorTestSuites
const skipped = result.numPendingTests + result.numTodoTests
console.log(`${result.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
if (!result.success) process.exitCode = 1

/** A run that left no result has failed, whatever else it said. */
function read(path: string): z.output<typeof resultSchema> {
  try {
    return resultSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    console.error(`jest left no result in ${path}: ${error instanceof Error ? error.message : String(error)}`)
    const none = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 }
    return { ...none, success: false, numRuntimeErrorTestSuites: 1 }
  }
}
