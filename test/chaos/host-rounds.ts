import { setTimeout as sleep } from 'node:timers/promises'
import type { RemoteHost } from '../components/remote-host.ts'
import type { CliEnd } from '../e2e/hosts-ground.ts'
import type { Dice } from './dice.ts'
import type { HostFault } from './host-faults.ts'
import type { HostStand } from './host-stand.ts'
import { gapOf, lossesSince } from './losses.ts'
import type { Score } from './rounds.ts'

export interface HostChaos {
  readonly stand: HostStand
  readonly dice: Dice
  readonly kills: number
  readonly faults: number
  /** What can happen, one after the other. */
  readonly possible: readonly HostFault[]
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

const mostMs = 9000
const settleMs = 8000
const usualLines = 40

/** Kills runs that deploy to several hosts, and lets things happen to one of them; the next run has to put everything right. */
export async function playHostChaos(chaos: HostChaos): Promise<Score> {
  const { stand, dice, kills, faults, possible, say, signal } = chaos
  const score = { kills: 0, converged: 0, lost: 0, strays: 0, stuck: 0, faults: 0 }
  let live = 'v1'
  let bad = 0
  let sent = 0
  const isFault = mixed(kills, faults)
  for (let round = 0; round < kills + faults; round += 1) {
    signal.throwIfAborted()
    const fault = isFault[round] ? possible[score.faults % possible.length] : undefined
    const played = await playRound(chaos, `c${round}`, live, fault)
    if (fault === undefined) score.kills += 1
    else score.faults += 1
    score.converged += played.faults.length === 0 ? 1 : 0
    score.strays += played.strays.length
    score.stuck += played.isStuck ? 1 : 0
    score.lost += played.lost
    live = played.live
    say(`${String(round + 1).padStart(3)} ${played.title}`)
    for (const each of played.faults) say(`    - ${each}`)
    if (played.faults.length > 0) for (const line of played.logs.slice(-120)) say(`      ${line}`)
  }
  for (const load of stand.loads.values()) {
    const total = await load.stop()
    bad += total.bad
    sent += total.sent
  }
  say(`requests=${sent} answered-badly=${bad} dice=${dice.below(1_000_000)}`)
  return score
}

interface Played {
  readonly title: string
  readonly faults: readonly string[]
  readonly strays: readonly string[]
  readonly lost: number
  readonly isStuck: boolean
  readonly live: string
  readonly logs: readonly string[]
}

async function playRound(
  { stand, dice }: HostChaos,
  version: string,
  live: string,
  fault: HostFault | undefined,
): Promise<Played> {
  const { hosts } = stand.ground
  const before = new Map([...stand.loads].map(([host, load]) => [host, load.lines.length]))
  const host = dice.pick(hosts)
  const struck = await strikeAt(stand, dice, version, host, fault)
  await fault?.mend(host)
  const what = `${fault === undefined ? 'killed' : `${fault.name} on host ${hosts.indexOf(host) + 1}`} ${struck.when}`

  const kind = dice.weighted({ other: 55, same: 25, rollback: 20 })
  const wanted = kind === 'same' ? version : `${version}n`
  const from = performance.now()
  const next = kind === 'rollback' ? await stand.run(['rollback', '--json'], reason) : await stand.deploy(wanted)
  const took = ((performance.now() - from) / 1000).toFixed(1)
  const serves = kind === 'rollback' ? backTo(next, live) : wanted
  const strays = await settled(() => stand.strays())
  const each = [...stand.loads].map(async ([at, load]) => [at, await lossesSince(load, before.get(at) ?? 0)] as const)
  const losses = await Promise.all(each)
  const isGap = (at: RemoteHost) => fault?.endsRouter === true && at === host
  const own = losses.flatMap(([at, found]) => (isGap(at) ? [] : [found]))
  const gap = losses.map(([at, found]) => (isGap(at) ? gapOf(found) : '')).join('')
  const faults = [
    ...(next.code === 0 ? [] : [`${kind} ended with ${next.code}: ${next.lines.slice(-3).join(' ')}`]),
    ...(await stand.faults(serves)),
    ...strays.map((each) => `stray: ${each}`),
    ...own.flatMap(({ told }) => told),
  ]
  return {
    title: `deploy ${version} ${what}; run ${struck.ended}; ${kind} → ${serves} in ${took} s${gap}`,
    ...{
      faults,
      strays,
      lost: own.reduce((sum, { count }) => sum + count, 0),
      isStuck: next.code === null,
      live: serves,
    },
    logs: [...struck.lines, '---', ...next.lines],
  }
}

const reason = { inputs: { reason: 'chaos' } }

interface Struck {
  readonly when: string
  readonly ended: string
  readonly lines: readonly string[]
}

/** Starts a deploy, and kills it or lets the fault happen at its moment. */
async function strikeAt(
  stand: HostStand,
  dice: Dice,
  version: string,
  host: RemoteHost,
  fault: HostFault | undefined,
): Promise<Struck> {
  if (fault?.at === 'before') await fault.strike(host)
  const kill = new AbortController()
  const atMs = fault === undefined && dice.next() < 0.5 ? dice.below(mostMs) : undefined
  const timer = atMs === undefined ? undefined : setTimeout(() => kill.abort(), atMs)
  const killLine =
    (fault === undefined && atMs === undefined) || fault?.alsoKills ? 1 + dice.below(usualLines) : Infinity
  const strikeLine = 1 + dice.below(usualLines - 5)
  const name = stand.ground.nameOf(host)
  let lines = 0
  let last = ''
  let when = fault?.at === 'before' ? 'before the run' : ''
  let striking: Promise<void> | undefined
  const strike = (line: string) => {
    when = `after "${line.trim().slice(0, 70)}"`
    striking = fault?.strike(host)
  }
  const ended = await stand.deploy(version, {
    ...(fault?.inputs === undefined ? {} : { inputs: fault.inputs }),
    kill: kill.signal,
    killAt(line) {
      if (!/▸|✓|✗|↩/.test(line)) return false
      lines += 1
      last = line
      const isDue =
        fault?.at === 'any'
          ? lines >= strikeLine
          : fault?.at instanceof RegExp && line.startsWith(name) && fault.at.test(line)
      if (isDue && striking === undefined) strike(line)
      return lines >= killLine
    },
  })
  clearTimeout(timer)
  await striking
  if (fault === undefined) when = `${atMs === undefined ? '' : `at ${atMs} ms, `}after "${last.trim().slice(0, 70)}"`
  const code = ended.lines.map((line) => /^\[([A-Z_]+)\]/.exec(line)?.[1]).find((each) => each !== undefined)
  return {
    when,
    ended: ended.code === null ? 'killed' : ended.code === 0 ? 'ended well' : (code ?? `ended with ${ended.code}`),
    lines: ended.lines,
  }
}

function backTo({ out }: CliEnd, live: string): string {
  try {
    return (JSON.parse(out) as { release: { version: string } }).release.version
  } catch {
    return live
  }
}

/** What is left of a killed run may come to its end first. */
async function settled(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const until = performance.now() + settleMs
  for (;;) {
    const found = await look()
    if (found.length === 0 || performance.now() > until) return found
    await sleep(200)
  }
}

/** Spreads faults evenly among the kills. */
function mixed(kills: number, faults: number): readonly boolean[] {
  const all = kills + faults
  return Array.from({ length: all }, (_, at) => Math.floor(((at + 1) * faults) / all) > Math.floor((at * faults) / all))
}
