import { z } from 'zod'
import type { Reading } from '#kernel'
import { nothing, one } from './source.ts'

/** Prometheus writes numbers as text, so that NaN and infinities have a form: https://prometheus.io/docs/prometheus/latest/querying/api/ */
const point = z.tuple([z.number(), z.string().max(64)])
const labels = z.record(z.string(), z.string())

const dataSchema = z.discriminatedUnion('resultType', [
  z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: labels, value: point.optional() })).max(10_000),
  }),
  z.object({
    resultType: z.literal('matrix'),
    result: z.array(z.object({ metric: labels, values: z.array(point).max(11_000).optional() })).max(10_000),
  }),
  z.object({ resultType: z.literal('scalar'), result: point }),
  z.object({ resultType: z.literal('string'), result: point }),
])

const answerSchema = z.object({
  status: z.literal('success'),
  data: dataSchema,
  warnings: z.array(z.string()).max(100).optional(),
})

const errorSchema = z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() })

type Series = readonly z.output<typeof point>[]

/** The points of the one series in an answer, or why there is none. `points`: how many a whole range has. */
export function readAnswer(body: string, points: number): Reading {
  const parsed = answerSchema.safeParse(parseJson(body))
  if (!parsed.success) return nothing('the answer is not one of Prometheus')
  const { data, warnings = [] } = parsed.data
  const reading = readSeries(seriesOf(data), points)
  const [warning] = warnings
  if (warning === undefined || reading.why === undefined) return reading
  return { ...reading, why: `${reading.why} (Prometheus warns: ${shown(warning)})` }
}

/** What Prometheus itself says was wrong; null when that is not what it says. */
export function readError(body: string): string | null {
  const parsed = errorSchema.safeParse(parseJson(body))
  return parsed.success ? shown(parsed.data.error) : null
}

/** The value of a scalar answer, such as `time()` gives; null for anything else. */
export function readScalar(body: string): number | null {
  const parsed = answerSchema.safeParse(parseJson(body))
  return parsed.success && parsed.data.data.resultType === 'scalar' ? numberOf(parsed.data.data.result) : null
}

function seriesOf(data: z.output<typeof dataSchema>): readonly Series[] | string {
  switch (data.resultType) {
    case 'scalar':
      return [[data.result]]
    case 'string':
      return 'the query gives a text, not a number'
    case 'vector':
      return data.result.some(({ value }) => value === undefined)
        ? 'the query gives a histogram; ask for one number of it, as histogram_quantile does'
        : data.result.map(({ value }) => (value === undefined ? [] : [value]))
    case 'matrix':
      return data.result.map(({ values = [] }) => values)
  }
}

function readSeries(series: readonly Series[] | string, points: number): Reading {
  if (typeof series === 'string') return nothing(series)
  const [first, ...more] = series
  if (first === undefined || first.length === 0)
    return nothing('the query gives nothing: no such series, or nothing was measured in this time')
  if (more.length > 0)
    return nothing(`the query gives ${series.length} series where one is wanted; sum() or max() makes one of them`)
  const values = first.map(numberOf)
  if (points === 1) return one(values[0] ?? Number.NaN)
  const bad = values.filter((value) => !Number.isFinite(value)).length
  if (bad > 0) return nothing(`${bad} of ${values.length} points are no numbers (NaN or infinite)`)
  if (values.length < points / 2) return nothing(`only ${values.length} of ${points} points were measured in this time`)
  return { values, samples: values.length }
}

function numberOf([, text]: z.output<typeof point>): number {
  const infinities: Readonly<Record<string, number>> = { '+Inf': Infinity, '-Inf': -Infinity }
  return infinities[text] ?? (text.trim() === '' ? Number.NaN : Number(text))
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function shown(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`
}
