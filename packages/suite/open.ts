import { Failure } from '#kernel'
import type { Event, Host, Metric, Release, Router, Target } from '#kernel'
import { host as openHost, hostLease, hostLedger } from '#hosts'
import { httpProbe } from '#probes'
import type { Ports } from '#operations'
import { routers } from '#routers'
import type { ManagedRouter, RouterContext } from '#routers'
import { localShell, systemClock } from '#runner'
import { pullLoggedIn, registryOf, targets } from '#targets'
import type { TargetContext } from '#targets'
import { publishing, refuseMissing } from './answering.ts'
import { entryOf, keepRecord, readRecord, recordFor } from './environment-record.ts'
import type { EnvironmentRecord } from './environment-record.ts'
import { openFront } from './front.ts'
import type { AppFront, FrontInputs } from './front.ts'
import type { LimitInputs } from './limits.ts'
import type { Listens } from './listening.ts'
import { openMachine } from './hosts.ts'
import type { Machine, MachineInputs } from './hosts.ts'
import { refuseH2c, refusing } from './refusing.ts'
import { installResident, noResident } from './resident-home.ts'
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
  const record = await recordFor(shell, inputs, before)
  if (before === null && inputs.setup === 'required') throw notSetUp(name)
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
    target: refusing(target, [
      refuseMissing(record.front?.routes ?? []),
      ...(routerEntry.speaksH2c === true ? [] : [refuseH2c(record.router)]),
    ]),
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
      const isSame = JSON.stringify(record) === JSON.stringify(before)
      const keep = isSame ? undefined : keepRecord(host, record)
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
