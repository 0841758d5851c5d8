import { z } from 'zod'

const status = z.object({
  app: z.string(),
  environment: z.string(),
  target: z.string(),
  front: z.string(),
  slots: z.record(z.string(), z.object({ traffic: z.string(), state: z.string(), release: z.string() })),
  certificates: z.array(z.object({ domain: z.string(), ends: z.string(), error: z.string().optional() })).default([]),
  held: z.string(),
})

const history = z.array(
  z.object({
    id: z.string(),
    at: z.string(),
    operation: z.string(),
    release: z.string(),
    state: z.string(),
    evidence: z.string(),
  }),
)

const views: Readonly<Record<string, (json: unknown) => string>> = {
  status: (json) => {
    const { app, environment, target, front, slots, certificates, held } = status.parse(json)
    const rows = Object.entries(slots).map(
      ([slot, { traffic, state, release }]) =>
        `  ${slot.padEnd(6)} ${traffic.padStart(5)}  ${state.padEnd(8)} ${release}`,
    )
    const shown = certificates.map(
      ({ domain, ends, error }) => `  ${domain}: certificate until ${ends}${error === undefined ? '' : `; ${error}`}`,
    )
    return [`${app} ${environment} (${target}), front ${front}`, ...rows, ...shown, `held ${held}`, ''].join('\n')
  },
  history: (json) => {
    const entries = history.parse(json)
    if (entries.length === 0) return 'nothing was released here yet\n'
    return entries
      .map(
        ({ id, at, operation, release, state, evidence }) =>
          `${at}  ${id}  ${operation.padEnd(8)} ${state.padEnd(10)} ${release}  ${evidence.split('\n')[0] ?? ''}\n`,
      )
      .join('')
  },
  logs: (json) => z.object({ slot: z.string(), text: z.string() }).parse(json).text,
}

/** Of several hosts, each under its name. */
const ofHosts = z.array(z.looseObject({ host: z.string(), failure: z.string().optional() })).min(1)

/** The outputs for a person: a view of their own where the command has one, else a line each. */
export function show(view: string | undefined, outputs: Readonly<Record<string, string>>): string {
  if (view !== undefined) return viewOf(view, JSON.parse(outputs[view] ?? 'null'))
  return Object.entries(outputs)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('')
}

function viewOf(view: string, json: unknown): string {
  const one = views[view]
  if (one === undefined) return ''
  const hosts = ofHosts.safeParse(json)
  if (!hosts.success) return one(json)
  return hosts.data
    .map((each) => {
      const text = each.failure === undefined ? one(each[view]) : `${each.failure}\n`
      return `${each.host}\n${text}${text.endsWith('\n') ? '' : '\n'}`
    })
    .join('\n')
}
