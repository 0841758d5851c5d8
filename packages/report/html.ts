import { reasonOf } from '#kernel'
import type { CheckResult, Outcome, Series, VerifyEvidence } from '#kernel'
import { condensed } from './condense.ts'
import { escaped, shortened } from './markup.ts'
import { plotCourse } from './plot-course.ts'
import { plotPercentiles } from './plot-percentiles.ts'
import { grouped, shownMs, shownValue, signs } from './shown.ts'
import { style } from './style.ts'
import { tiles } from './tiles.ts'

const mostChecks = 1000
const mostReasons = 20
const longest = 2000

const headlines: Readonly<Record<Outcome, string>> = {
  pass: 'The release is healthy.',
  fail: 'The release is not healthy.',
  inconclusive: 'There is not enough evidence.',
  error: 'It could not be judged.',
}

/** The report as one page: nothing is loaded from elsewhere, nothing in it runs, and everything from outside is escaped. */
export function htmlPage(evidence: VerifyEvidence): string {
  const { title, verdict } = evidence
  // A page of a hostile answer must not load or run anything, even if an escape were missing.
  const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title, 200)}: ${verdict.outcome}</title>
<style>${style}</style>
</head>
<body><main>
${[header(evidence), tiles(evidence.series), latency(evidence.series), checks(verdict.checks), reasons(evidence), footer(evidence)].filter((part) => part !== '').join('\n')}
</main></body></html>
`
}

function header({ title, subject, verdict, next }: VerifyEvidence): string {
  const { outcome } = verdict
  return `<div class="eyebrow"><b>${text(title, 200)}</b> · ${text(subject)}</div>
<h1><span class="${outcome}">${signs[outcome]} ${outcome}</span> ${headlines[outcome]}</h1>
<p class="lead">${text(reasonOf(verdict))}${next === '' ? '' : `<br>${text(next)}`}</p>`
}

function latency(series: readonly Series[]): string {
  const measured = series.filter(({ sample }) => sample.samples > 0)
  if (measured.length === 0) return ''
  const course = plotCourse(measured.map((each) => ({ ...each, points: condensed(each.points, 240) })))
  const key = measured.map(({ of, label }) => {
    const name = label === '' ? of : `${of}: ${text(label, 100)}`
    return `<span><i class="${of}"></i>${name}</span>`
  })
  const bad = measured.some(({ sample }) => sample.errors > 0) ? '<span><i class="fail"></i>bad answers</span>' : ''
  const section = (head: string, plot: string, keys: string) =>
    `<section><h2>${head}</h2><div class="scroll">${plot}</div><div class="key">${keys}</div></section>`
  const words = '<p>The median as a line, up to the 95th percentile as a band; logarithmic.</p>'
  return [
    course === '' ? '' : section('Latency over time', words + course, key.join('') + bad),
    section('Latency by percentile', plotPercentiles(measured), key.join('')),
  ].join('\n')
}

function checks(results: readonly CheckResult[]): string {
  const rows = results.slice(0, mostChecks).map(row)
  const rest = results.length - rows.length
  return `<section><h2>Checks</h2><div class="scroll"><table><thead><tr><th>outcome</th><th>check</th><th class="number">value</th><th>limit</th><th class="number">samples</th><th>reason</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>${rest > 0 ? `<p>${grouped(rest)} more checks are not shown.</p>` : ''}</section>`
}

function row({ check, outcome, value, limit, samples, reason }: CheckResult): string {
  return `<tr><td><span class="chip ${outcome}">${signs[outcome]} ${outcome}</span></td><td class="check">${text(check, 300)}</td><td class="number">${shownValue(value)}</td><td class="limit">${text(limit, 500)}</td><td class="number">${grouped(samples)}</td><td class="reason">${text(reason)}</td></tr>`
}

function reasons({ reasons: found }: VerifyEvidence): string {
  if (found.length === 0) return ''
  const rows = found
    .slice(0, mostReasons)
    .map(
      ([why, count]) => `<tr><td class="number count">${grouped(count)}×</td><td class="reason">${text(why)}</td></tr>`,
    )
  return `<section><h2>Why answers were bad</h2><div class="scroll"><table><tbody>${rows.join('\n')}</tbody></table></div></section>`
}

function footer({ startedMs, tookMs }: VerifyEvidence): string {
  const started = new Date(startedMs).toISOString().replace('T', ' ').slice(0, 19)
  return `<footer>Began ${started} UTC, took ${shownMs(tookMs)}. <em>Inconclusive</em> means that there was not enough evidence, <em>error</em> that it could not be judged; neither is a pass.</footer>`
}

function text(words: string, most = longest): string {
  return escaped(shortened(words, most))
}
