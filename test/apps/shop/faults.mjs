import { readFileSync } from 'node:fs'

const KNOWN = new Set([
  'exit-at-start', // ends with 1 before it listens
  'die-after', // MS: ends with 1 that long after it listens
  'health-500', // /health answers 500
  'wrong-version', // says it is another version
  'slow', // MS: every answer is late by that much
  'hang', // accepts, never answers
  'start-delay', // MS: listens that much later
  'ignore-sigterm', // goes on serving when asked to stop
  'break-under-traffic', // {after, share}: after that many requests, answers 500 to that share; /health stays fine
])

/**
 * The faults this copy of the shop was given: `fault.json` beside it (so that a release carries its own fault), or $FAULT,
 * either JSON or `name:value,name`
 * (`break-under-traffic:100:0.2`). An unknown name ends the shop: a test that breaks nothing must not look green.
 */
export function readFaults(environment) {
  const fromFile = readJson('fault.json')
  const faults = fromFile ?? parse(environment.FAULT ?? '')
  for (const name of Object.keys(faults)) {
    if (!KNOWN.has(name)) throw new Error(`unknown fault ${name}; known: ${[...KNOWN].join(', ')}`)
  }
  return faults
}

/** A JSON file beside the shop, or nothing when there is none. */
export function readJson(name) {
  try {
    return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text) {
  if (text.trim().startsWith('{')) return JSON.parse(text)
  const parts = text.split(',').filter((part) => part.trim() !== '')
  return Object.fromEntries(
    parts.map((part) => {
      const [name, value, share] = part.trim().split(':')
      if (name === 'break-under-traffic') return [name, { after: Number(value), share: Number(share ?? 0.2) }]
      return [name, value === undefined ? true : Number(value)]
    }),
  )
}
