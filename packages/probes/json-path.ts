import type { JSONPathQuery, JSONValue } from 'json-p3'
import type { Json } from '#kernel'
import { maxBodyBytes } from './body.ts'
import { BadAnswer } from './reason.ts'

/** A path that walks a body again for every value of it could take hours over 1 MiB. */
const longestMs = 1000

/**
 * A JSONPath (RFC 9535) made ready. Its functions `match` and `search` use patterns of RE2's kind.
 * @throws JSONPathError, with the place in `token.index`, when it does not parse.
 */
export async function pathOf(path: string): Promise<JSONPathQuery> {
  const [{ FunctionExpressionType, JSONPathEnvironment }, { RE2JS }] = await Promise.all([
    import('json-p3'),
    import('re2js'),
  ])
  const environment = new JSONPathEnvironment()
  const finds = (isWhole: boolean) => ({
    argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
    returnType: FunctionExpressionType.LogicalType,
    call(text: unknown, pattern: unknown): boolean {
      if (typeof text !== 'string' || typeof pattern !== 'string') return false
      try {
        const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern))
        return isWhole ? compiled.testExact(text) : compiled.test(text)
      } catch {
        // RFC 9535, 2.4.6: what is no pattern matches nothing.
        return false
      }
    },
  })
  environment.functionRegister.set('match', finds(true))
  environment.functionRegister.set('search', finds(false))
  return environment.compile(path)
}

/** The values that a path finds in a parsed body. @throws BadAnswer when the body is nested too deeply or it takes too long. */
export async function valuesOf(query: JSONPathQuery, body: Json): Promise<readonly Json[]> {
  const walk = () => query.query(body as JSONValue).values() as readonly Json[]
  const { JSONPathRecursionLimitError } = await import('json-p3')
  try {
    return /\?|\.\..*\.\./s.test(query.toString()) ? await withinTime(walk) : walk()
  } catch (thrown) {
    if (thrown instanceof JSONPathRecursionLimitError)
      throw new BadAnswer('the JSON body is nested too deeply', { cause: thrown })
    throw thrown
  }
}

/** Runs something that cannot be interrupted from outside; only a context of its own ends it in the middle. */
async function withinTime<Value>(walk: () => Value): Promise<Value> {
  const { runInNewContext } = await import('node:vm')
  try {
    return runInNewContext('walk()', { walk }, { timeout: longestMs }) as Value
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw new BadAnswer('the path takes too long over this body', { cause: thrown })
    throw thrown
  }
}

/** The parsed body. @throws BadAnswer when it is no JSON, or larger than 1 MiB. */
export function jsonOf(body: string): Json {
  if (body.length > maxBodyBytes) throw new BadAnswer('the body is larger than 1 MiB')
  try {
    return JSON.parse(body) as Json
  } catch (cause) {
    throw new BadAnswer('the body is no JSON', { cause })
  }
}

/** The first value at a JSONPath (RFC 9535) of a body; undefined where there is none, or the body is no JSON. */
export async function valueAt(body: string, path: string): Promise<Json | undefined> {
  const query = await pathOf(path)
  try {
    return (await valuesOf(query, jsonOf(body)))[0]
  } catch (thrown) {
    if (thrown instanceof BadAnswer) return undefined
    throw thrown
  }
}

/**
 * Makes a path ready that finds every value of a body.
 * @throws JSONPathError when it does not parse; what it gives throws BadAnswer where the body cannot be read.
 */
export async function finderOf(path: string): Promise<(body: string) => Promise<readonly Json[]>> {
  const query = await pathOf(path)
  return async (body) => valuesOf(query, jsonOf(body))
}
