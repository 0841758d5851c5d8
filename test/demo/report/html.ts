import { colourOf } from './colours.ts'
import { escape, grouped, shownMs } from './markup.ts'
import { plotLatency } from './plot-latency.ts'
import { plotShares } from './plot-shares.ts'
import type { DemoReport, Row } from './report.ts'
import { style } from './style.ts'

const LOG_LINES = 200

/** `demo-report.html`: one file, nothing loaded from elsewhere. */
export function renderHtml(report: DemoReport): string {
  const versions = Object.keys(report.versions).sort()
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Switchyard demo: ${report.verdict}</title>
<style>${style}</style>
</head>
<body><main>
${header(report)}
${tiles(report)}
<section><h2>Who answered</h2><p>Share of the answers in each fifth of a second. A dashed line is a change of the route, ✕ the killed run. A sliver after a change is a slow request, finished by the release that began it.</p>
${plotShares(report)}${key(versions)}</section>
<section><h2>Latency, old and new</h2><p>GET and POST over kept connections: the median as a line, up to the 95th percentile as a band; logarithmic.</p>
${plotLatency(report)}${key(versions)}</section>
<section><h2>What happened</h2><p>Requests, losses and bad answers are those while each part was played.</p>
<div class="scroll"><table><thead><tr><th>release</th><th>what happened</th><th class="number">seconds</th><th class="number">requests</th><th class="number">lost</th><th class="number">answered badly</th></tr></thead>
<tbody>${report.releases.map(row).join('\n')}</tbody></table></div></section>
<section><h2>What it stands or falls by</h2><ul class="checks">${report.conditions.map(condition).join('\n')}</ul></section>
${footer(report)}
</main></body></html>
`
}

function header({ verdict, requests, target, seconds, startedAt, front }: DemoReport): string {
  const none = requests.lost === 0
  const lost = none ? '<em>None lost.</em>' : `<em class="bad">${grouped(requests.lost)} lost.</em>`
  return `<div class="eyebrow">Switchyard demo · target ${escape(target)} · ${verdict === 'pass' ? 'passed' : 'failed'}</div>
<h1>${grouped(requests.sent)} requests. ${lost}</h1>
<p class="lead">Six releases, two of them bad, one killed deploy and one rollback in ${seconds.toFixed(0)} s, under a steady load without a retry, at ${escape(front)}, ${escape(startedAt.replace('T', ' ').slice(0, 16))} UTC.</p>`
}

function tiles(report: DemoReport): string {
  const { requests, versions, trafficBackMs, rollbackMs, latencyMs, longestGapMs } = report
  const others = Object.entries(versions).reduce((sum, [version, { bad }]) => sum + (version === 'v4' ? 0 : bad), 0)
  const tile = (value: string, words: string, judged?: boolean) =>
    `<div class="tile"><b${judged === undefined ? '' : ` class="${judged ? 'good' : 'bad'}"`}>${value}</b><span>${words}</span></div>`
  return `<div class="tiles">${[
    tile(grouped(requests.lost), 'requests lost', requests.lost === 0),
    tile(grouped(others), 'bad answers by good releases', others === 0),
    tile(grouped(versions['v4']?.bad ?? 0), 'bad answers by v4, broken on purpose'),
    tile(
      trafficBackMs === null ? '–' : shownMs(Math.max(0, trafficBackMs)),
      'from the breach seen to traffic back',
      trafficBackMs !== null && trafficBackMs <= 2000,
    ),
    tile(rollbackMs === null ? '–' : shownMs(rollbackMs), 'for the whole rollback step'),
    tile(shownMs(latencyMs.p99), `p99 over everything; longest pause between good answers ${shownMs(longestGapMs)}`),
  ].join('')}</div>`
}

function key(versions: readonly string[]): string {
  return `<div class="key">${versions.map((version) => `<span><i style="background:${colourOf(version)}"></i>${escape(version)}</span>`).join('')}</div>`
}

function row(part: Row): string {
  const colour = part.release === 'rollback' ? colourOf('v5') : colourOf(part.release)
  const steps = part.steps.map(
    ({ action, ms, killed, exitCode }) =>
      `${action} ${shownMs(ms)}${killed ? ' ✕' : exitCode === 0 ? '' : ' (failed)'}`,
  )
  const log = part.log
    .slice(0, LOG_LINES)
    .map(({ atMs, text }) => `${(atMs / 1000).toFixed(2).padStart(7)}  ${escape(text)}`)
  const number = (value: string, isWorse = false) => `<td class="number${isWorse ? ' worse' : ''}">${value}</td>`
  return `<tr><td><span class="chip" style="background:${colour}">${escape(part.release)}</span></td>
<td><span class="${part.asExpected ? 'strong' : 'worse'}">${escape(part.happened)}</span><details><summary>${escape(steps.join(' → '))}</summary><pre>${log.join('\n')}</pre></details></td>
${number(part.seconds.toFixed(1))}${number(grouped(part.requests))}${number(grouped(part.lost), part.lost > 0)}${number(grouped(part.answeredBadly), part.answeredBadly > 0 && part.release !== 'v4')}</tr>`
}

function condition({ ok, what, found }: DemoReport['conditions'][number]): string {
  return `<li><span class="${ok ? 'ok' : 'no'}">${ok ? '✓' : '✗'}</span><span>${escape(what)}</span><small>${escape(found)}</small></li>`
}

function footer({ sockets, requests }: DemoReport): string {
  return `<footer>WebSockets: ${sockets.opened} opened, ${sockets.echoes} echoes, ${sockets.closed} closed with a goodbye when their old release was retired, ${sockets.cut} cut, ${sockets.kept} open at the end; at most ${sockets.mostEndedInOneSecond} ended within one second. ${grouped(requests.beforeLive)} requests met the front before anything was live and got 503. <em>Lost</em> means refused, reset, truncated, timed out, or answered 502, 503 or 504.</footer>`
}
