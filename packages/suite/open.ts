import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '#kernel'
import type { Event, Host, Metric, Release, Router, Shell, Target } from '#kernel'
import { host as openHost, hostLease, hostLedger } from '#hosts'
import { httpProbe } from '#probes'
import type { Ports } from '#operations'
import { routers } from '#routers'
import type { ManagedRouter, RouterContext } from '#routers'
import { localShell, systemClock } from '#runner'
import { pullLoggedIn, registryOf, targets } from '#targets'
import type { TargetContext } from '#targets'
import { z } from 'zod'
import { answering, publishing } from './answering.ts'
import { frontOf, frontSchema, listenBehind, openFront } from './front.ts'
import type { AppFront, FrontInputs } from './front.ts'
import { limitsAsked, limitsSchema, speakingOnly } from './limits.ts'
import type { LimitInputs } from './limits.ts'
import type { Listens } from './listening.ts'
import { openMachine } from './hosts.ts'
import type { Machine, MachineInputs } from './hosts.ts'
import { takeOver } from './take-over.ts'

/** Which environment, on which target. */
export interface EnvironmentInputs extends MachineInputs, FrontInputs, LimitInputs {
  readonly app: string
  readonly environment: string
  readonly target: string
  readonly router: string
  /** Fronts of single services, by their names; left out where they stay as they are. */
  readonly listens?: Listens | null
  /** `required`: a host that was never set up is refused. */
  readonly setup?: 'auto' | 'required'
  readonly 'github-token': string
  /** Reads metrics; only for whom they are judged: what reads them is large. */
  readonly metric?: (target: Target, router: Router) => Metric
  /** What a release of this run brought from the checkout, by its id. */
  readonly carried?: TargetContext['carried']
  /** May this run take over what runs by other means? */
  readonly adopts?: boolean
  /** Login to the registry that holds the release's images; for its pulls alone. */
  readonly 'registry-username'?: string
  readonly 'registry-password'?: string
  /** Whose registry that login is for: the image of the release's first service; at set-up, the router's own image. */
  readonly loginFor?: string
  /** The release, proven already, that takes over when the router is set up. */
  readonly takesOver?: Release
}

/** What an environment was set up with; kept on the host, so that whoever comes later needs to be told nothing. */
const recordSchema = z.object({
  target: z.string(),
  router: z.string(),
  routerImage: z.string(),
  address: z.string(),
  port: z.int(),
  listens: z.record(z.string(), z.object({ address: z.string(), port: z.int() })).optional(),
  /** What the front of the host leads here, where one stands before the app's own. */
  front: frontSchema.optional(),
  /** What the app asks of its router. */
  limits: limitsSchema.optional(),
})

type EnvironmentRecord = z.output<typeof recordSchema>

const recordPath = 'environment.json'

export interface OpenEnvironment extends Ports {
  readonly host: Host
  readonly record: EnvironmentRecord
  readonly router: ManagedRouter
  /** The front of the host, where one stands before the app's own or did. */
  readonly front: AppFront | null
  /** Looks whether the host has what the target needs; gives what was found. @throws Failure DOCKER_MISSING, HOST_NOT_READY, … */
  needs(): Promise<readonly string[]>
  /** Ends the connection to the host, if there is one; it ends with this process too. */
  close(): Promise<void>
}

/**
 * Makes the ports of one environment on one machine ready; of several hosts, on the first. Changes nothing yet, but for the state
 * folder and our own programs in it.
 */
export async function openEnvironment(
  inputs: EnvironmentInputs,
  tell: (event: Event) => void,
): Promise<OpenEnvironment> {
  const machine = await openMachine(inputs.hosts[0], inputs)
  try {
    return await openOn(machine, inputs, tell)
  } catch (thrown) {
    await machine.close()
    throw thrown
  }
}

/** @throws Failure HOST_NOT_SET_UP, INPUT_CONFLICT, HOST_NOT_READY */
export async function openOn(
  machine: Machine,
  inputs: EnvironmentInputs,
  tell: (event: Event) => void,
): Promise<OpenEnvironment> {
  const { app, environment } = inputs
  const { shell, name, root } = machine
  const runner = localShell()
  if (machine.isRemote) tell({ kind: 'note', text: `state in ${root} on ${name}`, atMs: systemClock.monotonic() })
  const host = await openHost({ shell, root, app, environment, name })
  const before = await readRecord(host)
  const asked = recordOf(inputs, before)
  if (before === null && inputs.setup === 'required') throw notSetUp(name)
  const record = await behindFront(shell, inputs, asked, before)
  const targetEntry = entryOf(targets, 'target', record.target)
  const routerEntry = entryOf(routers, 'router', record.router)
  if (machine.isRemote && !targetEntry.isRemote) throw tooFar(record.target, name)
  const resident = machine.isRemote ? noResident : await installResident(root)
  const context = { host, shell, runner, app, environment, resident }
  const managed = routerEntry.create({
    ...context,
    bind: record.address,
    listen: record.port,
    ...(record.listens === undefined ? {} : { listens: record.listens }),
    ...(record.limits === undefined ? {} : { limits: record.limits }),
    image: record.routerImage,
    ...pullingOf(host, inputs),
    isForContainers: targetEntry.isInContainers,
    isBehind: record.front !== undefined,
  })
  const router = publishing(managed, record.front?.routes ?? [], record.listens)
  const target = targetEntry.create({
    ...context,
    ...(inputs.carried === undefined ? {} : { carried: inputs.carried }),
    adopts: inputs.adopts ?? false,
    ...loginOf(inputs),
  })
  const lease = hostLease(host)
  const own = { lease, clock: systemClock, listener: { tell }, ...overBy(inputs['github-token']) }
  const hasFront = (record.front ?? before?.front) !== undefined
  const front = hasFront ? await openFront(machine, { app, environment }, inputs, own) : null
  if (record.front !== undefined) await front?.refuseTaken(router, record.front)
  return {
    ...own,
    host,
    record,
    front,
    target: answering(
      routerEntry.speaksH2c === true ? target : speakingOnly(target, record.router),
      record.front?.routes ?? [],
    ),
    ...(inputs.metric === undefined ? {} : { metric: inputs.metric(target, router) }),
    router,
    ledger: hostLedger(host, { note: (text) => tell({ kind: 'warning', text, atMs: systemClock.monotonic() }) }),
    probe: machine.lookFrom(httpProbe()),
    async couldSetUp() {
      // What holds the port gives it up: the release's own predecessor, or the front of the host that the app leaves.
      const isLeft = before?.front !== undefined && record.front === undefined
      if (inputs.takesOver !== undefined || isLeft) return
      const had = [before ?? [], Object.values(before?.listens ?? {})].flat().map(({ port }) => port)
      await Promise.all([router.refusePorts?.(), record.front === undefined ? undefined : front?.refusePort(had)])
    },
    async setUp(signal) {
      const kept = JSON.stringify(record)
      const keep = kept === JSON.stringify(before) ? undefined : host.put(recordPath, kept)
      if (before === null) tell({ kind: 'note', text: 'never set up before: done now', atMs: systemClock.monotonic() })
      const { takesOver } = inputs
      const setup = async () => {
        // It may hold the port that the front of the host is to have, or the other way round.
        if (record.front !== undefined) await front?.refuseHttps(record.front)
        if (record.front === undefined) return [...((await front?.goneFrom(router)) ?? []), ...(await router.setup())]
        return [...(await router.setup()), ...((await front?.lead(router, record.front, signal)) ?? [])]
      }
      const ready = takesOver === undefined ? setup() : takeOver(target, takesOver, setup)
      const [done] = await Promise.all([ready, keep])
      return done
    },
    needs: async () => (await targetEntry.needs?.(host)) ?? [],
    close: () => machine.close(),
  }
}

function loginOf(inputs: EnvironmentInputs): Pick<TargetContext, 'login'> {
  const { 'registry-username': username = '', 'registry-password': password = '' } = inputs
  return username === '' ? {} : { login: { username, password } }
}

/** A password is shown to no other registry than the one that it is for, and to Docker Hub only where a release comes from there. */
function pullingOf(host: Host, inputs: EnvironmentInputs): Pick<RouterContext, 'pullLoggedIn'> {
  const { login } = loginOf(inputs)
  const { loginFor = '' } = inputs
  if (login === undefined || loginFor === '') return {}
  return {
    async pullLoggedIn(image) {
      if (registryOf(image) !== registryOf(loginFor)) return null
      const { code, text } = await pullLoggedIn(host, login, image)
      return { code, stderr: code === 0 ? '' : text }
    },
  }
}

/** What stays on a host is this program itself, which is not on other machines. */
const noResident = ['switchyard-resident'] as const

function tooFar(target: string, name: string): Failure {
  return new Failure('INPUT_CONFLICT', `target ${target} lives on the machine this runs on, not on ${name}`, {
    field: 'hosts',
    hint: 'Leave hosts empty, or use target docker.',
  })
}

function notSetUp(name: string): Failure {
  return new Failure('HOST_NOT_SET_UP', `${name} was never set up for this app and environment`, {
    field: 'setup',
    hint: 'Run deploy-bluegreen once with mode: setup (or `switchyard setup`), or deploy with setup: auto, which does it.',
  })
}

/** With a token, GitHub is asked about runs; loaded only then. */
function overBy(token: string): Pick<Ports, 'isOver'> {
  if (token === '') return {}
  return { isOver: async (owner) => (await import('#github/run-over')).isRunOver(owner, token) }
}

async function readRecord(host: Host): Promise<EnvironmentRecord | null> {
  const text = await host.read(recordPath)
  if (text === null) return null
  try {
    return recordSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Failure('OUTPUT_UNREADABLE', `${host.stateDir}/${recordPath} is not what Switchyard wrote there`, {
      cause,
      hint: 'Restore the file, or remove it and give target and listen again.',
    })
  }
}

function recordOf(inputs: EnvironmentInputs, before: EnvironmentRecord | null): EnvironmentRecord {
  const target = inputs.target || before?.target || 'docker'
  if (before !== null && target !== before.target) {
    throw new Failure('INPUT_CONFLICT', `this environment was set up with target ${before.target}, not ${target}`, {
      field: 'target',
      hint: `Leave target empty, or use another environment name for ${target}.`,
    })
  }
  const entry = entryOf(targets, 'target', target)
  const router = inputs.router || before?.router || entry.routers[0]
  if (!entry.routers.includes(router)) {
    throw new Failure('INPUT_CONFLICT', `router ${router} cannot reach the slots of target ${target}`, {
      field: 'router',
      hint: `Routers of ${target}: ${entry.routers.join(', ')}.`,
    })
  }
  // Behind a front of the host it was elsewhere.
  const had = before?.front === undefined ? before : null
  const front = {
    address: inputs.listen?.address ?? had?.address ?? entry.listen.address,
    port: inputs.listen?.port ?? had?.port ?? entry.listen.port,
  }
  const own = Object.entries(inputs.listens ?? before?.listens ?? {})
  const listens = own.map(
    ([service, { address, port }]) => [service, { address: address ?? entry.listen.address, port }] as const,
  )
  refuseFronts(router, front.port, listens)
  const limits = limitsAsked(inputs, before?.limits)
  return {
    target,
    router,
    routerImage: inputs['router-image'] || (before?.routerImage ?? ''),
    ...front,
    ...(listens.length === 0 ? {} : { listens: Object.fromEntries(listens) }),
    ...(limits === undefined ? {} : { limits }),
  }
}

/** @throws Failure INPUT_CONFLICT where a router has one front alone, or two services would have the same port */
function refuseFronts(
  router: string,
  port: number,
  listens: readonly (readonly [string, { readonly port: number }])[],
) {
  const ports = [port, ...listens.map(([, own]) => own.port)]
  const twice = listens.find(([, own], at) => ports.indexOf(own.port) <= at)
  if (twice !== undefined) {
    throw new Failure('INPUT_CONFLICT', `service ${twice[0]} listens on port ${twice[1].port}, and so does another`, {
      field: 'listen',
      hint: "Give each a port of its own; the input listen is the first one's.",
    })
  }
  if (listens.length === 0 || entryOf(routers, 'router', router).hasFronts === true) return
  throw new Failure(
    'INPUT_CONFLICT',
    `router ${router} has one front; ${listens.map(([name]) => name).join(', ')} wants another`,
    {
      field: 'services',
      hint: 'Use a target with router haproxy, or remove listen from all services but one.',
    },
  )
}

/** Behind a front of the host the app's own router is reached on the host alone. */
async function behindFront(
  shell: Shell,
  inputs: EnvironmentInputs,
  record: EnvironmentRecord,
  before: EnvironmentRecord | null,
): Promise<EnvironmentRecord> {
  const front = frontOf(inputs, before?.front)
  if (front === undefined && (inputs['trusted-proxies'] ?? []).length > 0) throw noFrontToTrust()
  if (front === undefined) return record
  const had = before?.front === undefined ? null : before
  const asked = { listen: inputs.listen, listens: record.listens }
  return { ...record, ...(await listenBehind(shell, front, asked, had)), front }
}

function noFrontToTrust(): Failure {
  return new Failure('INPUT_CONFLICT', 'trusted-proxies is about the front of the host, and this app has none', {
    field: 'trusted-proxies',
    hint: 'Give domain or routes too, or leave it out: see docs/front-that-stays.md.',
  })
}

function entryOf<Entry>(registry: Readonly<Record<string, Entry>>, field: string, name: string): Entry {
  const entry = Object.hasOwn(registry, name) ? registry[name] : undefined
  if (entry !== undefined) return entry
  throw new Failure('INPUT_INVALID', `unknown ${field} "${name}"`, {
    field,
    hint: `Known: ${Object.keys(registry).join(', ')}.`,
  })
}

/** The resident program must outlive the folder of downloaded actions: it runs from a copy, named by its content. */
async function installResident(root: string): Promise<[string, ...string[]]> {
  const source = await residentSource()
  if (source.endsWith('.ts')) return [process.execPath, source]
  const digest = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12)
  const home = join(root, 'bin', `resident-${digest}`)
  const program = join(home, 'index.js')
  const isThere = await readFile(program).then(
    () => true,
    () => false,
  )
  if (!isThere) {
    const fresh = `${home}.${process.pid}`
    await mkdir(dirname(home), { recursive: true, mode: 0o700 })
    await cp(dirname(source), fresh, { recursive: true })
    await rename(fresh, home).catch(() => rm(fresh, { recursive: true, force: true }))
  }
  return [process.execPath, program]
}

/** Beside the running bundle; while working from sources, the source itself. */
async function residentSource(): Promise<string> {
  const started = await realpath(process.argv[1] ?? '.')
  const bundle = join(dirname(started), '..', 'router', 'index.js')
  return started.endsWith('.js') && /[/\\]dist[/\\][^/\\]+[/\\](index|post)\.js$/.test(started)
    ? bundle
    : join(import.meta.dirname, 'resident.ts')
}
