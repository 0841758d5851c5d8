import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { gateNext, gateStart, gateState, readPath, shownUrl, withVersion } from '#kernel'
import type { Measurement } from '#kernel'

const good = (body: string): Measurement => ({ ok: true, latencyMs: 1, body })

describe('gateNext', () => {
  test('the streak is the good looks since the last bad one', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (looks) => {
        const progress = looks.reduce(
          (sum, ok, index) => gateNext(sum, { ok, latencyMs: 1, ...(ok ? {} : { why: `look ${index}` }) }),
          gateStart,
        )
        const lastBad = looks.lastIndexOf(false)
        expect(progress).toMatchObject({
          probes: looks.length,
          streak: looks.length - 1 - lastBad,
          lastBad: lastBad === -1 ? null : `look ${lastBad}`,
        })
      }),
    )
  })
})

describe('gateState', () => {
  const looks = fc.array(fc.record({ ok: fc.boolean(), afterMs: fc.integer({ min: 0, max: 2000 }) }), { maxLength: 40 })
  const policy = { successes: 3, deadlineMs: 10_000, intervalMs: 50, timeoutMs: 1000, versionPath: null }

  test('open: the last looks are good, enough of them, and for long enough; before the deadline nothing opens by time alone', () => {
    fc.assert(
      fc.property(looks, fc.integer({ min: 0, max: 3000 }), (given, stableMs) => {
        let atMs = 0
        let progress = gateStart
        const seen: { ok: boolean; atMs: number }[] = []
        for (const { ok, afterMs } of given) {
          atMs += afterMs
          seen.push({ ok, atMs })
          progress = gateNext(progress, { ok, latencyMs: 1 }, { atMs, successes: policy.successes })
        }
        const row = seen.slice(seen.findLastIndex(({ ok }) => !ok) + 1)
        const proven = row[policy.successes - 1]
        const isOpen = proven !== undefined && (row.at(-1)?.atMs ?? 0) - proven.atMs >= stableMs
        for (const laterMs of [0, 5000, 20_000])
          expect(gateState(progress, { ...policy, stableMs }, atMs + laterMs) === 'open').toBe(isOpen)
      }),
    )
  })

  test('a gate that is not open ends at its deadline, or at the deadline of the first good look', () => {
    const bad = gateNext(gateStart, { ok: false, latencyMs: 1 })
    expect(gateState(bad, policy, 9999)).toBe('waiting')
    expect(gateState(bad, policy, 10_000)).toBe('deadline')
    expect(gateState(bad, { ...policy, firstWithinMs: 500 }, 499)).toBe('waiting')
    expect(gateState(bad, { ...policy, firstWithinMs: 500 }, 500)).toBe('late')
    const once = gateNext(gateStart, { ok: true, latencyMs: 1 }, { atMs: 400, successes: 3 })
    expect(gateState(once, { ...policy, firstWithinMs: 500 }, 600)).toBe('waiting')
    expect(gateState(once, { ...policy, stableMs: 4000 }, 6000)).toBe('waiting')
    expect(gateState(once, { ...policy, stableMs: 4000 }, 6001)).toBe('unsteady')
  })
})

describe('readPath', () => {
  test('finds any value at its path, and nothing where there is none', () => {
    const key = fc.stringMatching(/^[a-z_]{1,5}$/)
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 4 }), fc.jsonValue(), (keys, value) => {
        const tree = keys.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
        expect(readPath(JSON.stringify(tree), keys.join('.'))).toEqual(JSON.parse(JSON.stringify(value)))
        expect(readPath(JSON.stringify(tree), `${keys.join('.')}.nothere`)).toBeUndefined()
      }),
    )
  })

  test.each([
    ['no JSON', 'a'],
    ['null', 'a'],
    ['"text"', 'length'],
    ['{}', 'constructor'],
    ['{}', '__proto__.toString'],
    ['', 'a'],
  ])('%j has no %s', (json, path) => expect(readPath(json, path)).toBeUndefined())

  test('goes into lists by number', () => expect(readPath('{"a":[{"b":1}]}', 'a.0.b')).toBe(1))
})

describe('withVersion', () => {
  test.each([
    ['{"version":"2"}', true],
    ['{"version":2}', true],
    ['{"version":"1"}', false],
    ['{"version":null}', false],
    ['{"version":{"a":1}}', false],
    ['{"version":""}', false],
    ['{}', true],
    ['fine', true],
  ])('%s: %p', (body, ok) => expect(withVersion(good(body), '2', 'version').ok).toBe(ok))

  test('a version that was asked for by name must be told', () => {
    expect(withVersion(good('{}'), '2', 'version', true)).toMatchObject({
      ok: false,
      why: 'answers with no version at "version", wanted "2"',
    })
  })

  test('a bad look stays what it is, and a huge version is told in short', () => {
    const bad: Measurement = { ok: false, latencyMs: 1, why: 'refused' }
    expect(withVersion(bad, '2', 'version')).toBe(bad)
    const long = withVersion(good(JSON.stringify({ version: 'x'.repeat(1_000_000) })), '2', 'version')
    expect(long.why?.length).toBeLessThan(200)
  })
})

describe('shownUrl', () => {
  test('never tells credentials, query or fragment', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const shown = shownUrl(url.replace('://', '://ann:s3cret@'))
        expect(shown).not.toMatch(/^\w+:\/\/[^/?#]*@|#/)
        expect(shown.split('?')[1] ?? '…').toBe('…')
      }),
    )
    expect(shownUrl('http://ann:s3cret@[')).toBe('a URL that does not parse')
  })
})
