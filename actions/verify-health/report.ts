import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Failure, shownUrl } from '#kernel'
import type { VerifyEvidence } from '#kernel'
import type { VerifyReport } from '#operations'
import { htmlPage, junitXml, reportJson } from '#report'
import type { Inputs } from './inputs.ts'

/** All that the report of a verdict tells; what is secret in it is hidden by `hide`. */
export function evidenceOf(
  report: VerifyReport,
  inputs: Inputs,
  startedMs: number,
  tookMs: number,
  hide: (text: string) => string,
): VerifyEvidence {
  const { verdict, series, window, failure } = report
  const evidence = {
    title: 'Verify health',
    subject: shownUrl(inputs.url),
    startedMs,
    tookMs,
    verdict,
    series,
    reasons: window?.reasons ?? [],
    next: failure?.hint ?? '',
  }
  return hidden(evidence, hide)
}

/** Hides in the texts themselves: written out as XML or JSON, a secret may look otherwise. */
function hidden<Value>(value: Value, hide: (text: string) => string): Value {
  if (typeof value === 'string') return hide(value) as Value
  if (Array.isArray(value)) return value.map((each: unknown) => hidden(each, hide)) as Value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, hidden(each as unknown, hide)])) as Value
}

/**
 * Writes the report as a page, as JUnit XML and as JSON; gives their folder, empty where nobody keeps files.
 * @throws Failure INPUT_INVALID when the folder cannot be written.
 */
export async function writeReport(
  evidence: VerifyEvidence,
  inputs: Inputs,
  workspace: string,
  temporary: string | undefined,
): Promise<string> {
  if (inputs.report === '' && temporary === undefined) return ''
  const folder =
    inputs.report === ''
      ? join(temporary ?? '', `switchyard-verify-${evidence.startedMs}`)
      : resolve(workspace, inputs.report)
  try {
    await mkdir(folder, { recursive: true })
    await Promise.all([
      writeFile(join(folder, 'report.html'), htmlPage(evidence)),
      writeFile(join(folder, 'junit.xml'), junitXml(evidence)),
      writeFile(join(folder, 'report.json'), reportJson(evidence)),
    ])
  } catch (cause) {
    throw new Failure('INPUT_INVALID', `the report cannot be written to ${folder}`, {
      field: 'report',
      cause,
      hint: 'Name a folder that this job may write to.',
    })
  }
  return folder
}
