import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { AggregatedResult, Config, Reporter, TestContext, TestResult } from '@jest/reporters'

/** What `describeWith` of test/components/require.ts puts into the title of a suite that it leaves out. */
const reasonInTitle = /\[left out: (.+)\]$/

type OneTest = TestResult['testResults'][number]

interface LeftOut {
  readonly file: string
  readonly tests: number
  readonly reasons: readonly string[]
}

/**
 * A jest reporter that names, at the end of a run, every file with tests that did not run, and why; a file that is not in
 * test/allowed-skips.json fails the run. A run narrowed by a name pattern (`-t`) is not judged: there most tests are left out.
 */
export default class LeftOutReporter implements Pick<Reporter, 'onRunComplete' | 'getLastError'> {
  readonly #config: Config.GlobalConfig
  #error: Error | undefined

  constructor(config: Config.GlobalConfig) {
    this.#config = config
  }

  onRunComplete(_contexts: Set<TestContext>, results: AggregatedResult): void {
    if (this.#config.testNamePattern) return
    const leftOut = results.testResults.flatMap(({ testFilePath, testResults }) =>
      findLeftOut(relative(this.#config.rootDir, testFilePath), testResults),
    )
    if (leftOut.length === 0) return

    const allowed = readAllowed(join(this.#config.rootDir, 'test', 'allowed-skips.json'))
    const lines = leftOut.map(
      ({ file, tests, reasons }) =>
        `  ${file}: ${tests} tests: ${reasons.join('; ')}${allowed.has(file) ? '' : ' (NOT in test/allowed-skips.json)'}`,
    )
    process.stderr.write(`\nLeft out:\n${lines.join('\n')}\n`)

    const forbidden = leftOut.filter(({ file }) => !allowed.has(file))
    if (forbidden.length > 0) {
      const files = forbidden.map(({ file }) => file).join(', ')
      this.#error = new Error(`tests were left out that test/allowed-skips.json does not allow: ${files}`)
      process.stderr.write(`\nThe run fails: ${this.#error.message}\n`)
    }
  }

  /** Jest fails the run when a reporter has an error. */
  getLastError(): Error | undefined {
    return this.#error
  }
}

function findLeftOut(file: string, tests: readonly OneTest[]): LeftOut[] {
  const pending = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
  if (pending.length === 0) return []
  const reasons = pending.map(
    ({ ancestorTitles }) =>
      ancestorTitles.map((title) => reasonInTitle.exec(title)?.[1]).find(Boolean) ?? 'skipped by hand',
  )
  return [{ file, tests: pending.length, reasons: [...new Set(reasons)] }]
}

function readAllowed(path: string): Set<string> {
  return new Set(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>))
}
