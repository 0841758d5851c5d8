import { describe, expect, test } from '@jest/globals'
import { cell, summarise } from '#github'
import type { CheckResult, Event } from '#kernel'

const facts = {
  title: 'Verify health',
  headline: '❌ fail',
  release: null,
  previous: null,
  rows: [],
  events: [],
  next: 'Mend it.',
}

const check = (reason: string, more: Partial<CheckResult> = {}): CheckResult => ({
  check: 'p95 < 500ms',
  outcome: 'fail',
  value: 612.3456,
  limit: '< 500 ms',
  samples: 1200,
  reason,
  ...more,
})

describe('summarise', () => {
  test('shows the checks with value, limit, samples and reason, then the plot', () => {
    const verdict = {
      outcome: 'fail' as const,
      checks: [check('too slow'), check('', { value: Infinity }), check('', { value: null })],
    }
    const summary = summarise({ ...facts, verdict, plot: '```mermaid\nxychart-beta\n```' })
    expect(summary).toContain('| p95 &#60; 500ms | ❌ fail | 612.35 | &#60; 500 ms | 1200 | too slow |')
    expect(summary.match(/\| – \|/g)).toHaveLength(2)
    expect(summary.indexOf('xychart')).toBeGreaterThan(summary.indexOf('too slow'))
    expect(summary.endsWith('**Next:** Mend it.\n')).toBe(true)
  })

  test('stays under the 1 MiB that GitHub takes, with whole tables and fences', () => {
    const checks = Array.from({ length: 20_000 }, (_, at) => check(`${at} ${'|ä🙂'.repeat(400)}`))
    const events = Array.from(
      { length: 50_000 },
      (_, at): Event =>
        ({
          kind: 'step-done',
          step: { do: 'wait', forMs: at, why: 'x'.repeat(1000) } as never,
          undoing: false,
          atMs: at,
          tookMs: 1,
          note: '',
        }) as never,
    )
    const summary = summarise({
      ...facts,
      events,
      verdict: { outcome: 'fail', checks },
      plot: `\`\`\`mermaid\n${'x'.repeat(2 ** 21)}\n\`\`\``,
    })
    expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024)
    expect(summary).toMatch(/\d+ more checks are not shown\./)
    expect(summary).toContain('Parts of this summary were too long and are left out')
    expect((summary.match(/```/g) ?? []).length % 2).toBe(0)
    expect(summary).toContain('**Next:** Mend it.')
    expect(summary.isWellFormed()).toBe(true)
  })

  test('the timeline has a section for each host, from the first beginning of all', () => {
    const done = (host: string, atMs: number, tookMs: number): Event => ({
      kind: 'step-done',
      step: { do: 'drain', slot: 'blue' },
      undoing: false,
      host,
      atMs,
      tookMs,
    })
    const summary = summarise({ ...facts, events: [done('a@web1:2222', 50, 10), done('a@web2', 60, 50)] })
    expect(summary.split('\n').filter((line) => /section|drain/.test(line))).toEqual([
      '    section a@web1 2222',
      expect.stringMatching(/:done, 30, 40$/),
      '    section a@web2',
      expect.stringMatching(/:done, 0, 50$/),
    ])
  })

  test('a cell is no markup, link, image or formula', () => {
    expect(cell('</script>| `a` \\| ![i](http://x) $a$ **b** ~c~ &lt;\n\nd')).toBe(
      '&#60;/script&#62;\\| \\`a\\` \\\\\\| !\\[i\\](http://x) \\$a\\$ \\*\\*b\\*\\* \\~c\\~ &#38;lt; d',
    )
    expect(cell('🙂'.repeat(400)).isWellFormed()).toBe(true)
    expect(cell(`${'x'.repeat(499)}|`)).toMatch(/x\\\|$/)
  })
})
