export type DependencyState = 'up' | 'down' | 'degraded' | 'unknown'

/** One thing that an app says it needs: a database, a cache, another service. */
export interface Dependency {
  readonly name: string
  readonly state: DependencyState
  /** What the app says of it, in short; empty where it says nothing. */
  readonly detail: string
}

/** What an app says of itself. */
export interface HealthBody {
  /** Of the app as a whole, where it says so. */
  readonly state: DependencyState
  readonly dependencies: readonly Dependency[]
}

const maxDependencies = 200
const maxDepth = 4
const maxDetail = 200

/** Words for states, of Spring Boot Actuator, health+json (draft-inadarei-api-health-check), MicroProfile, ASP.NET and common use. */
const states: Readonly<Record<DependencyState, readonly string[]>> = {
  up: 'up ok pass passed passing healthy true available alive running connected ready success green good online'.split(
    ' ',
  ),
  down: 'down fail failed failing failure error unhealthy out_of_service critical fatal false unavailable dead disconnected timeout red offline'.split(
    ' ',
  ),
  degraded: 'degraded warn warning yellow partial slow'.split(' '),
  unknown: ['unknown'],
}

/** Where the checks stand: most; Spring Boot; Spring Boot 2.1, terminus; ASP.NET; others. */
const lists = ['checks', 'components', 'details', 'entries', 'dependencies', 'results'] as const
const stateKeys = ['status', 'state', 'healthy', 'health', 'ok', 'up'] as const
const detailKeys = ['message', 'error', 'output', 'description', 'detail', 'reason'] as const

/**
 * Reads what a health body says of the app and of each of its dependencies; null when it is no JSON object. The kinds:
 * `{checks: {db: "ok"}}`, `{checks: {db: {status}}}`, `{checks: [{name, status}]}`, Spring Boot's nested `components`, lists
 * of health+json (`"db:responseTime": [{status}]`), ASP.NET's `entries`. A word that nobody knows is `unknown`, never `up`.
 */
export function readHealthBody(body: string): HealthBody | null {
  const root = parsed(body)
  if (!isRecord(root)) return null
  const state = stateOf(own(root, stateKeys))
  return { state, dependencies: dependenciesOf(root, '', 0).slice(0, maxDependencies) }
}

function dependenciesOf(
  parent: Readonly<Record<string, unknown>>,
  prefix: string,
  depth: number,
): readonly Dependency[] {
  const list = lists.map((key) => own(parent, [key])).find((value) => typeof value === 'object' && value !== null)
  if (list === undefined || depth >= maxDepth) return []
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(list)
    ? list.map((each: unknown, at) => [nameOf(each) ?? String(at + 1), each] as const)
    : Object.entries(list as Record<string, unknown>)
  return entries
    .slice(0, maxDependencies)
    .flatMap(([name, value]) => dependencyOf(`${prefix}${name.slice(0, 100)}`, value, depth))
}

function dependencyOf(name: string, value: unknown, depth: number): readonly Dependency[] {
  // health+json: several measurements of one thing.
  if (Array.isArray(value)) {
    return value.slice(0, maxDependencies).flatMap((each: unknown, at) => {
      const own = nameOf(each)
      const suffix = value.length === 1 ? '' : ` ${own ?? at + 1}`
      return dependencyOf(`${name}${suffix}`, each, depth)
    })
  }
  if (!isRecord(value)) return [{ name, state: stateOf(value), detail: '' }]
  const inner = dependenciesOf(value, `${name}.`, depth + 1).filter(({ state }) => state !== 'unknown')
  if (inner.length > 0) return inner
  const said = own(value, detailKeys) ?? (isRecord(value['details']) ? own(value['details'], detailKeys) : undefined)
  return [{ name, state: stateOf(own(value, stateKeys)), detail: detailOf(said) }]
}

function stateOf(value: unknown): DependencyState {
  const word = String(value).trim().toLowerCase().replace(/[\s-]/g, '_')
  const names = ['up', 'down', 'degraded'] as const
  return names.find((name) => states[name].includes(word)) ?? 'unknown'
}

function detailOf(value: unknown): string {
  if (typeof value !== 'string') return ''
  return value.replace(/\s+/g, ' ').trim().slice(0, maxDetail)
}

function nameOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined
  const name = own(value, ['name', 'component', 'componentId', 'id'])
  return typeof name === 'string' && name !== '' ? name : undefined
}

function own(record: Readonly<Record<string, unknown>>, keys: readonly string[]): unknown {
  const key = keys.find((each) => Object.hasOwn(record, each))
  return key === undefined ? undefined : record[key]
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
