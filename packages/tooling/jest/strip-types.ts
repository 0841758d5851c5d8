import { stripTypeScriptTypes } from 'node:module'

/** Jest's transformer for TypeScript: Node's own type stripping, so tests run what Node runs, with line numbers kept. */
const transformer = {
  process: (source: string) => ({ code: stripTypeScriptTypes(source, { mode: 'strip' }) }),
}

export default transformer
