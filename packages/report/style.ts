/** The look of the page; it follows the reader's light or dark setting. */
export const style = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1b2430; --soft: #5d6b7e; --line: #e2e6ec; --new: #2463c9; --old: #b8670e; --pass: #18794e; --fail: #c62f2f; --unsure: #96690a; --wash: #f0f2f6 }
@media (prefers-color-scheme: dark) {
  :root { --page: #11151b; --card: #191f28; --ink: #e6ebf2; --soft: #93a1b3; --line: #2b3442; --new: #6ea8fe; --old: #f0a252; --pass: #4cc38a; --fail: #ff6b63; --unsure: #e3b341; --wash: #202833 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 ui-sans-serif, system-ui, "Segoe UI", "Helvetica Neue", sans-serif; font-variant-numeric: tabular-nums }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 56px }
.eyebrow { font-size: 13px; font-weight: 600; color: var(--soft); overflow-wrap: anywhere } .eyebrow b { letter-spacing: .08em; text-transform: uppercase; font-size: 12px }
h1 { font-size: clamp(30px, 4.4vw, 44px); line-height: 1.15; letter-spacing: -.02em; margin: 6px 0 8px }
.lead { color: var(--soft); margin: 0 0 26px; max-width: 80ch; overflow-wrap: anywhere }
.pass { color: var(--pass) } .fail, .error { color: var(--fail) } .inconclusive { color: var(--unsure) }
.new { color: var(--new) } .old { color: var(--old) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px 24px; margin: 0 0 16px }
h2 { font-size: 17px; margin: 0 0 2px; letter-spacing: -.01em }
section p { color: var(--soft); margin: 0 0 12px; font-size: 14px }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 16px }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 14px 18px }
.tile b { display: block; font-size: 25px; line-height: 1.25; font-weight: 650; letter-spacing: -.02em }
.tile span { color: var(--soft); font-size: 13px } .tile small { display: block; color: var(--soft); font-size: 13px }
svg { display: block; width: 100%; min-width: 640px; height: auto; margin-top: 6px }
svg text { font: 11px ui-sans-serif, system-ui, sans-serif; fill: var(--soft) }
.grid { stroke: var(--line); stroke-width: 1 } .hover { fill: transparent } .hover:hover { fill: var(--line) }
.band { fill: currentColor; fill-opacity: .16 } .median { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
.old .median { stroke-dasharray: 6 3 } .dot { fill: currentColor } .bad { stroke: var(--fail); stroke-width: 2 }
.bar { fill: currentColor } .old .bar { fill-opacity: .55 } svg text.amount { fill: var(--ink); font-weight: 600 }
.key { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 10px 0 0; font-size: 13px; color: var(--soft) }
.key i { display: inline-block; width: 18px; border-top: 3px solid currentColor; margin-right: 7px; vertical-align: 4px } .key i.old { border-top-style: dashed } .key i.fail { border-top-width: 8px; width: 3px; vertical-align: 1px }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 6px }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; padding: 6px 14px 8px 0; border-bottom: 1px solid var(--line); white-space: nowrap }
td { padding: 9px 14px 9px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere } tr:last-child td { border-bottom: 0 }
td.check { font-weight: 600; min-width: 11ch } td.limit { min-width: 12ch } td.reason { min-width: 26ch } td.count { width: 1% } .number { text-align: right; white-space: nowrap }
.chip { display: inline-block; background: var(--wash); border-radius: 6px; padding: 1px 9px; font-weight: 650; font-size: 13px; white-space: nowrap }
footer { color: var(--soft); font-size: 13px; margin-top: 22px }
`
