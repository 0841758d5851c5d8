import type { VerifyEvidence } from '#kernel'

/**
 * The report for programs, as indented JSON with `"schema": 1`. A latency beyond what is measured is the text
 * `"Infinity"`, since JSON has no such number and `null` means that nothing was measured.
 */
export function reportJson(evidence: VerifyEvidence): string {
  const { startedMs, ...rest } = evidence
  const document = { schema: 1, startedAt: new Date(startedMs).toISOString(), ...rest }
  const fitting = (_key: string, value: unknown) =>
    typeof value !== 'number' || Number.isFinite(value) ? value : Number.isNaN(value) ? null : String(value)
  return `${JSON.stringify(document, fitting, 2)}\n`
}
