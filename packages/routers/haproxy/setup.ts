import { Failure, noTraffic, sameWeights, showDuration } from '#kernel'
import type { Host, Slot, Weights } from '#kernel'
import type { RouterContext } from '../index.ts'
import { readWeightFile, readWeights } from './answers.ts'
import { weightMapOf } from './config.ts'
import { envPath, madeFrom, replaceContainer, sharedFolder, startContainer } from './container.ts'
import type { SeenContainer } from './container.ts'
import type { Engine } from './engine.ts'
import { frontsAsked, frontsWith, hasFronts, movedLanes } from './fronts.ts'
import { defaultImage, resolveImage } from './image.ts'
import { limitsOf } from '../limits.ts'
import { tellLimits } from './tell-limits.ts'
import type { Looked } from './looks.ts'
import type { Names } from './names.ts'
import { ensureNetwork } from './network.ts'
import { putFiles } from './preview.ts'
import { freshSecret } from '../kept-record.ts'
import { guessPreviews, keepRecord, readRecord } from './record.ts'
import type { RouterRecord } from './record.ts'

const previewAttempts = 5

/**
 * Makes the router run as it is asked for. Where it does already, this is one look.
 * @throws Failure DOCKER_MISSING, IMAGE_MISSING, PORT_IN_USE, HOST_NOT_READY, INPUT_INVALID
 */
export async function setUp(
  context: RouterContext,
  engine: Engine,
  names: Names,
  look: () => Promise<Looked>,
): Promise<readonly string[]> {
  const { host } = context
  const [record, file, { seen, shown }] = await Promise.all([readRecord(host), readWeightsOnDisk(host), look()])
  assertSameState(host, seen)
  const inForce = shown === null ? null : readWeights(shown)
  if (record !== null && seen !== null && isAsAsked(context, record) && seen.madeFrom === madeFrom(record)) {
    if (seen.isRunning && inForce !== null)
      return [...(await mendFile(host, file, inForce)), ...(await limit(context, engine, names, record))]
    // A replacement that was cut short has told it to stay down.
    await engine.act(['update', '--restart=always', names.container])
    await startContainer(engine, host, names, record)
    return ['started the router again', ...(await limit(context, engine, names, record))]
  }
  return renew(context, engine, names, record, seen, inForce ?? file ?? noTraffic)
}

/** Kept from an earlier set-up: the image until another is asked for, the secret, the previews' ports. */
async function renew(
  context: RouterContext,
  engine: Engine,
  names: Names,
  before: RouterRecord | null,
  seen: SeenContainer | null,
  weights: Weights,
): Promise<readonly string[]> {
  const { host, bind, listen } = context
  const asked = context.image || (before?.asked ?? defaultImage)
  const image =
    asked === before?.asked ? before.image : await resolveImage(engine, asked, 'router-image', context.pullLoggedIn)
  const fronts = frontsWith(frontsAsked(context), listen, before)
  const network = await ensureNetwork(engine, names)
  for (let attempt = 1; ; attempt += 1) {
    const previews = attempt === 1 && before !== null ? before.previews : guessPreviews()
    const next = { bind, listen, ...(fronts.length === 0 ? {} : { fronts: [...fronts] }) }
    const lanes = (slot: Slot) => (before === null ? [] : movedLanes(before.slots[slot], before, next))
    const record: RouterRecord = {
      ...{ asked, image, secret: before?.secret ?? freshSecret(), ...next, previews },
      ...(context.limits === undefined ? {} : { limits: context.limits }),
      slots: { blue: lanes('blue'), green: lanes('green') },
    }
    if (seen?.isRunning === true && seen.madeFrom === madeFrom(record)) {
      await keepRecord(host, record)
      return asked === before?.asked ? [] : [`the router's image is ${asked} now, which is the one that runs`]
    }
    await putAll(engine, host, record, weights)
    try {
      const gapMs = await replaceContainer(engine, host, names, record, network.routerAddress, seen !== null)
      await keepRecord(host, record)
      return told(record, seen, network.isNew ? names.network : null, gapMs)
    } catch (thrown) {
      const isPreview =
        thrown instanceof Failure &&
        thrown.code === 'PORT_IN_USE' &&
        ![listen, ...fronts.map(({ port }) => port)].some((port) => thrown.message.startsWith(`port ${port} `))
      if (!isPreview || attempt === previewAttempts) throw thrown
    }
  }
}

/** Tells what is asked for; the record comes last, so what was cut short is told again. */
async function limit(
  { host, limits }: RouterContext,
  engine: Engine,
  names: Names,
  { limits: before, ...record }: RouterRecord,
): Promise<readonly string[]> {
  const { maxBodyBytes, requestTimeoutMs } = limitsOf(limits)
  if (JSON.stringify(limitsOf(limits)) === JSON.stringify(limitsOf(before))) return []
  await tellLimits(engine, host, names.container, limits)
  await keepRecord(host, { ...record, ...(limits === undefined ? {} : { limits }) })
  const body = maxBodyBytes === 0 ? 'bodies of any size' : `bodies of at most ${maxBodyBytes} bytes`
  return [`the router takes ${body} and waits ${showDuration(requestTimeoutMs)} for the app`]
}

async function putAll(engine: Engine, host: Host, record: RouterRecord, weights: Weights): Promise<void> {
  await host.put(envPath, `SWITCHYARD_PROBE=${record.secret}\n`, 0o600)
  await putFiles(host, record)
  await host.put(`${sharedFolder}/weight.map`, weightMapOf(weights), 0o644)
  // The router runs as a user of its own; the folders above are no obstacle for what is mounted.
  await engine.actBy(['chmod', '755', `${host.stateDir}/${sharedFolder}`])
}

/** A shift that was cut short can leave a file that the router would follow at its next start, to a slot that nobody proved since. */
async function mendFile(host: Host, file: Weights | null, inForce: Weights): Promise<readonly string[]> {
  if (file !== null && sameWeights(file, inForce)) return []
  await host.put(`${sharedFolder}/weight.map`, weightMapOf(inForce), 0o644)
  return ["put the router's file of weights right"]
}

export async function readWeightsOnDisk(host: Host): Promise<Weights | null> {
  const text = await host.read(`${sharedFolder}/weight.map`)
  return text === null ? null : readWeightFile(text)
}

function isAsAsked(context: RouterContext, record: RouterRecord): boolean {
  const { image, bind, listen } = context
  const isSame = (image === '' || image === record.asked) && bind === record.bind && listen === record.listen
  return isSame && hasFronts(record, frontsAsked(context))
}

function assertSameState({ stateDir }: Host, seen: SeenContainer | null): void {
  if (seen === null || seen.stateDir === stateDir) return
  throw new Failure(
    'HOST_NOT_READY',
    `the router of this environment keeps its state in ${seen.stateDir}, not in ${stateDir}`,
    {
      field: 'state-dir',
      hint: 'Give the state-dir that the environment was set up with, or another environment name.',
    },
  )
}

function told(record: RouterRecord, seen: SeenContainer | null, network: string | null, gapMs: number): string[] {
  const fronts = (record.fronts ?? []).map(({ service, address, port }) => `, ${address}:${port} (${service})`)
  const where = `HAProxy (${record.image.slice(0, 80)}) on ${record.bind}:${record.listen}${fronts.join('')}`
  const router =
    seen === null
      ? `started ${where}`
      : `replaced the router by ${where}; new connections were refused for at most ${Math.ceil(gapMs)} ms`
  return [...(network === null ? [] : [`made the network ${network}`]), router]
}
