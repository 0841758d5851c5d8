/** The look of the report; it follows the reader's light or dark setting. */
export const style = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1b2430; --soft: #667487; --line: #e2e6ec; --good: #18794e; --bad: #c62f2f; }
@media (prefers-color-scheme: dark) {
  :root { --page: #11151b; --card: #191f28; --ink: #e6ebf2; --soft: #93a1b3; --line: #2b3442; --good: #4cc38a; --bad: #ff6b63; }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 ui-sans-serif, system-ui, "Segoe UI", "Helvetica Neue", sans-serif; font-variant-numeric: tabular-nums }
main { max-width: 1200px; margin: 0 auto; padding: 44px 24px 64px }
.eyebrow { letter-spacing: .09em; text-transform: uppercase; font-size: 12px; font-weight: 600; color: var(--soft) }
h1 { font-size: clamp(30px, 4.4vw, 46px); line-height: 1.12; letter-spacing: -.022em; margin: 6px 0 10px }
h1 em { font-style: normal; color: var(--good) } h1 em.bad { color: var(--bad) }
.lead { color: var(--soft); margin: 0 0 30px }
h2 { font-size: 18px; margin: 0 0 2px; letter-spacing: -.01em }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 22px 24px; margin: 0 0 18px }
section > p { color: var(--soft); margin: 0 0 14px; font-size: 14px }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin: 0 0 18px }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 16px 18px }
.tile b { display: block; font-size: 27px; line-height: 1.2; font-weight: 650; letter-spacing: -.02em }
.tile b.good { color: var(--good) } .tile b.bad { color: var(--bad) }
.tile span { color: var(--soft); font-size: 13px }
svg { display: block; width: 100%; height: auto }
svg text { font: 11px ui-sans-serif, system-ui, sans-serif } .tick { fill: var(--soft) } svg text.chapter { font-size: 12px; font-weight: 650 }
.grid { stroke: var(--line); stroke-width: 1 } .shift { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 4 }
.share { shape-rendering: crispEdges } .over .shift { stroke: #fff; stroke-opacity: .85 } .loss { stroke: var(--bad); stroke-width: 2 } .hover { fill: transparent } .hover:hover { fill: #8884 }
.key { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 12px 0 0; font-size: 13px; color: var(--soft) }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; vertical-align: -1px }
table { border-collapse: collapse; width: 100%; font-size: 14px } .scroll { overflow-x: auto }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; padding: 6px 12px 8px 0; border-bottom: 1px solid var(--line) }
td { padding: 10px 12px 10px 0; border-bottom: 1px solid var(--line); vertical-align: top }
tr:last-child td { border-bottom: 0 } .number { text-align: right; white-space: nowrap } .strong { font-weight: 650 } .worse { color: var(--bad); font-weight: 650 }
.chip { display: inline-block; min-width: 34px; text-align: center; color: #fff; border-radius: 6px; padding: 1px 8px; font-weight: 650; font-size: 13px }
details summary { cursor: pointer; color: var(--soft); font-size: 13px; margin-top: 2px }
pre { margin: 8px 0 0; padding: 12px 14px; background: var(--page); border-radius: 9px; font: 12px/1.6 ui-monospace, SFMono-Regular, Menlo, monospace; overflow-x: auto; max-height: 380px }
ul.checks { list-style: none; padding: 0; margin: 8px 0 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); gap: 8px 28px }
.checks li { display: grid; grid-template-columns: 22px 1fr; } .checks .ok { color: var(--good) } .checks .no { color: var(--bad) } .checks small { grid-column: 2; color: var(--soft); font-size: 13px }
footer { color: var(--soft); font-size: 13px; margin-top: 24px }
`
