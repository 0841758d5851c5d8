import type { CheckResult, Outcome, VerifyEvidence } from '#kernel'
import { escaped, shortened } from './markup.ts'
import type { Attributes } from './markup.ts'
import { shownValue } from './shown.ts'

const longestReason = 10_000
const figures = ['samples', 'errors', 'p50', 'p95', 'p99', 'mean'] as const

/**
 * The verdict as JUnit XML, one test case for each check: `fail` is a failure, `error` an error, `inconclusive` is skipped,
 * because JUnit knows no fourth outcome. So a reader that only counts failures takes an inconclusive verdict for green: the
 * property `verdict` tells. Valid by the schema of Ant's JUnit reports (github.com/windyroad/JUnit-Schema, JUnit.xsd).
 */
export function junitXml(evidence: VerifyEvidence): string {
  const { title, subject, startedMs, tookMs, verdict, series } = evidence
  const count = (outcome: Outcome) => verdict.checks.filter((check) => check.outcome === outcome).length
  const properties = [
    ['verdict', verdict.outcome],
    ['subject', subject],
    ...series.flatMap(({ of, label, sample }) => [
      [`${of}.label`, label],
      ...figures.map((name) => [`${of}.${name}`, shownNumber(sample[name])]),
    ]),
  ] as const
  const suite = {
    package: 'switchyard',
    id: 0,
    name: token(title),
    // The schema knows neither fractions nor a zone; the time is UTC.
    timestamp: new Date(startedMs).toISOString().slice(0, 19),
    hostname: 'localhost',
    tests: verdict.checks.length,
    failures: count('fail'),
    errors: count('error'),
    skipped: count('inconclusive'),
    time: seconds(tookMs),
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite${attributes(suite)}>`,
    '    <properties>',
    ...properties.map(([name, value]) => `      <property${attributes({ name: name ?? '', value: value ?? '' })}/>`),
    '    </properties>',
    ...verdict.checks.map((check) => testCase(check, token(title))),
    '    <system-out></system-out>',
    '    <system-err></system-err>',
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

const elements: Readonly<Record<Outcome, string | null>> = {
  pass: null,
  fail: 'failure',
  inconclusive: 'skipped',
  error: 'error',
}

function testCase(check: CheckResult, classname: string): string {
  const opening = `    <testcase${attributes({ name: token(check.check), classname, time: seconds(check.tookMs ?? 0) })}`
  const name = elements[check.outcome]
  if (name === null) return `${opening}/>`
  const reason = shortened(check.reason, longestReason)
  const kind = name === 'skipped' ? { message: reason } : { message: reason, type: check.outcome }
  const detail = `value ${shownValue(check.value)}, limit ${check.limit}, samples ${check.samples}: ${reason}`
  return `${opening}>\n      <${name}${attributes(kind)}>${escaped(detail)}</${name}>\n    </testcase>`
}

function attributes(values: Attributes): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('')
}

/** Text without line breaks and outer space, never empty. */
function token(text: string): string {
  return shortened(text.replace(/\s+/g, ' ').trim(), 500) || 'unnamed'
}

function seconds(ms: number): string {
  return (Math.max(0, ms) / 1000).toFixed(3)
}

function shownNumber(value: number | null): string {
  return value === null ? '' : String(Number(value.toFixed(3)))
}
