import { z } from 'zod'
import { Failure, routedServices, sameWeights, noTraffic } from '#kernel'
import type { Endpoint, Host, Leftovers, PreviewUrls, RouterTotals, Weights } from '#kernel'
import type { ManagedRouter, RouterContext } from '../index.ts'
import { limitsOf, limitsSchema } from '../limits.ts'
import { secretHeader } from './headers.ts'
import { askRouter } from './control.ts'
import { readReply } from './reply.ts'
import type { RouterRequest } from './requests.ts'
import { parseState, weightsSchema } from './state.ts'
import type { RouterState } from './state.ts'

const folder = 'router'
const startMs = 10_000
const answerMs = 15_000

const frontSchema = z.object({ bind: z.string(), port: z.number() }).nullable()
const helloSchema = z.object({
  pid: z.number(),
  listening: z.boolean(),
  front: frontSchema,
  weights: weightsSchema,
  limits: limitsSchema.optional(),
})
const countsSchema = z.object({ requests: z.number(), sockets: z.number() })
const totalsSchema = z.object({
  requests: z.number(),
  errors: z.number(),
  inFlight: z.number(),
  sockets: z.number(),
  latencies: z.array(z.tuple([z.number().nullable(), z.number()])),
})

/** The router that needs nothing but Node: a detached process on the host, asked through a socket in its own folder. */
export function embeddedRouter(context: RouterContext): ManagedRouter {
  const { host } = context
  const place = `${host.stateDir}/${folder}`

  return {
    async setup() {
      const running = await look(context, { do: 'hello' }, helloSchema).catch(unlessAbsent)
      const done: string[] = []
      if (running === null) {
        // It lives on for months: not with the tokens and secrets that are in the environment of one job.
        const pid = await host.spawn({ argv: ['env', '-i', ...context.resident, 'router', place] }, `${folder}.log`)
        done.push(`started the embedded router (pid ${pid})`)
      }
      const wanted = { bind: context.bind, port: context.listen }
      const { front, listening } = running ?? { front: null, listening: false }
      const wish = context.limits ?? {}
      const had = running === null ? (await kept(host))?.limits : running.limits
      if (JSON.stringify(limitsOf(wish)) !== JSON.stringify(limitsOf(had))) {
        if (running !== null && running.limits === undefined) throw tooOld(host)
        await change(context, { do: 'limit', limits: wish }, limitsSchema, startMs)
        done.push('has the limits that are asked for')
      }
      if (!listening || front?.bind !== wanted.bind || front.port !== wanted.port) {
        await change(context, { do: 'listen', ...wanted }, frontSchema, startMs)
        done.push(`listens on ${wanted.bind}:${wanted.port}`)
      }
      return done
    },

    async remove() {
      await change(context, { do: 'quit' }, z.null()).catch(unlessAbsent)
      await host.act({ argv: ['rm', '-rf', place, `${place}.log`] })
    },

    async read() {
      return (await kept(host))?.weights ?? noTraffic
    },

    async preview(slot, release, endpoints) {
      const services = routedServices(release).map(({ name }) => ({
        service: name,
        endpoints: addressesOf(name, endpoints),
      }))
      if (services.length === 0) return {}
      const request: RouterRequest = { do: 'preview', slot, release: release.id, services }
      const ports = await change(context, request, z.record(z.string(), z.number()))
      return Object.fromEntries(Object.entries(ports).map(([service, port]) => [service, `http://127.0.0.1:${port}`]))
    },

    async shift(weights) {
      const inForce = await change(context, { do: 'shift', weights: { ...weights } }, weightsSchema)
      if (!sameWeights(inForce, weights)) {
        throw new Failure('ROUTER_DISAGREES', `the router was told ${shown(weights)} and shows ${shown(inForce)}`)
      }
    },

    async drain(slot, deadlineMs, signal): Promise<Leftovers> {
      const left = await look(context, { do: 'drained', slot, deadlineMs }, countsSchema, signal)
      if (left.requests + left.sockets === 0) return { ...left, closed: 0 }
      const closed = await change(context, { do: 'close', slot }, z.number())
      return { ...left, closed }
    },

    async front() {
      const state = await kept(host)
      const address = context.bind === '0.0.0.0' || context.bind === '::' ? '127.0.0.1' : context.bind
      const port = state?.front?.port ?? context.listen
      const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`
      return { urls: frontUrls(state, url), headers: state === null ? {} : { [secretHeader]: state.secret } }
    },

    async stats(slot): Promise<RouterTotals> {
      const { latencies, ...totals } = await look(context, { do: 'stats', slot }, totalsSchema)
      return { ...totals, latencies: latencies.map(([bound, count]) => [bound ?? Infinity, count] as const) }
    },
  }
}

/** A look asks the router itself: nothing is changed, so no lock is needed. The router is always on this machine. */
async function look<T>(
  context: RouterContext,
  request: RouterRequest,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<T> {
  const reply = await askRouter(`${context.host.stateDir}/${folder}`, JSON.stringify(request), 0, signal)
  return readReply(reply, schema)
}

/** A change is a program on the host, under our lease. */
async function change<T>(context: RouterContext, request: RouterRequest, schema: z.ZodType<T>, waitMs = 0): Promise<T> {
  const { stdout } = await context.host.act({
    argv: [...context.resident, 'control', `${context.host.stateDir}/${folder}`, String(waitMs)],
    stdin: JSON.stringify(request),
    env: { NODE_COMPILE_CACHE: `${context.host.stateDir}/cache` },
    timeoutMs: answerMs + waitMs,
  })
  return readReply(stdout, schema)
}

/** The state the router keeps: it writes each change before the change is in force, so this is what it does, or did when it was killed. */
async function kept(host: Host): Promise<RouterState | null> {
  const text = await host.read(`${folder}/state.json`)
  if (text === null) return null
  try {
    return parseState(text)
  } catch (cause) {
    throw new Failure(
      'OUTPUT_UNREADABLE',
      `the state of the embedded router in ${host.stateDir}/${folder} cannot be understood`,
      { cause },
    )
  }
}

/** One that was started by an earlier version is never replaced by itself: that would close connections. */
function tooOld({ stateDir }: Host): Failure {
  return new Failure('INPUT_CONFLICT', `the embedded router that runs in ${stateDir} knows no limits yet`, {
    field: 'max-body',
    hint: 'Leave max-body and request-timeout empty, or end it once (it is started anew by the next run; connections are closed).',
  })
}

function unlessAbsent(thrown: unknown): null {
  if (thrown instanceof Failure && thrown.code === 'ROUTER_UNREACHABLE') return null
  throw thrown
}

function addressesOf(service: string, endpoints: readonly Endpoint[]): string[] {
  return endpoints.filter((endpoint) => endpoint.service === service).map(({ address }) => address)
}

/** Only services with a port of the front can be seen through it. */
function frontUrls(state: RouterState | null, url: string): PreviewUrls {
  const routes = (['blue', 'green'] as const).flatMap((slot) => state?.slots[slot]?.routes ?? [])
  return Object.fromEntries(routes.filter(({ port }) => port !== null).map(({ service }) => [service, url]))
}

function shown(weights: Weights): string {
  return `blue ${weights.blue} %, green ${weights.green} %`
}
