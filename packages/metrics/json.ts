import { Failure, shownUrl } from '#kernel'
import { fill } from './placeholders.ts'
import { defaultTimeoutMs, nothing, one, refused } from './source.ts'
import type { FindValues, QueryFault, Source } from './source.ts'

const number = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/

/** `URL $.path`: one number in the JSON that any HTTP endpoint answers with, by a JSONPath (RFC 9535). */
export const json: Source = {
  example: 'json https://shop.example.com/stats $.queue.length',
  fault,
  isPerSlot: false,
  reader(settings) {
    const { probe, jsonPath, timeoutMs = defaultTimeoutMs } = settings
    const finder = async (path: string): Promise<FindValues | null> => {
      try {
        return (await jsonPath?.(path)) ?? null
      } catch {
        return null
      }
    }
    return {
      async check(definition, subject) {
        fill(definition, subject, { windowMs: 0 })
        const { path } = partsOf(definition.query)
        if ((await finder(path)) !== null) return
        throw new Failure('METRIC_INVALID', `metric ${definition.name}: the path ${path.slice(0, 60)} is no JSONPath`, {
          field: 'metrics',
          hint: 'It follows RFC 9535, for example $.queue.length or $.workers[0].busy.',
        })
      },
      async read(definition, subject, window, signal) {
        if (window.endedMsAgo > 0) return nothing('its source keeps no values of earlier')
        const { url } = partsOf(fill(definition, subject, window, encodeURIComponent))
        const { path } = partsOf(definition.query)
        const find = await finder(path)
        if (find === null) return refused(`the path ${path.slice(0, 60)} is no JSONPath`)
        const look = await probe.once({ url, headers: { accept: 'application/json' }, timeoutMs }, signal)
        if (!look.ok) return nothing(`${shownUrl(url)} gives no answer: ${look.why ?? 'unknown'}`)
        return found(await valuesIn(find, look.body ?? ''), path)
      },
    }
  },
}

async function valuesIn(find: FindValues, body: string): Promise<readonly unknown[] | string> {
  try {
    return await find(body)
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : 'the body cannot be read'
  }
}

function found(values: readonly unknown[] | string, path: string) {
  if (typeof values === 'string') return nothing(values)
  const [value] = values
  if (values.length === 0) return nothing(`there is nothing at ${path} in the answer`)
  if (values.length > 1) return nothing(`there are ${values.length} values at ${path} where one is wanted`)
  if (typeof value === 'number') return one(value)
  if (typeof value === 'string' && number.test(value)) return one(Number(value))
  // The value itself is not shown: nobody knows what it is.
  const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
  return nothing(`the value at ${path} is no number, but ${kind}`)
}

function partsOf(query: string): { readonly url: string; readonly path: string } {
  const [url = ''] = /^\S*/.exec(query) ?? []
  return { url, path: query.slice(url.length).trim() }
}

function fault(query: string): QueryFault | null {
  const { url, path } = partsOf(query)
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return { column: 0, what: 'expected an http or https URL' }
  if (path.startsWith('$')) return null
  return { column: query.length - path.length, what: 'expected a JSONPath that begins with $' }
}
