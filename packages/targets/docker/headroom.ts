import { z } from 'zod'
import { Failure, slots } from '#kernel'
import type { Release, Service } from '#kernel'
import type { EngineInfo } from './engine-info.ts'
import { memoryNow } from './memory-now.ts'
import type { MemoryNow } from './memory-now.ts'
import type { Place } from './place.ts'

/** Beside what the release takes: the host, the router and the engine work on. */
const memoryMarginBytes = 64 * 1024 ** 2
const diskMarginBytes = 256 * 1024 ** 2
/** An image lies packed and unpacked on the disk while it is pulled. */
const unpackedTimes = 3.5

const runningFormat = `{"pid":{{.State.Pid}},"slot":{{json (index .Config.Labels "switchyard.slot")}},"release":{{json (index .Config.Labels "switchyard.release")}},"service":{{json (index .Config.Labels "switchyard.service")}}}`
const runningSchema = z.object({
  pid: z.int().nonnegative(),
  slot: z.enum(['blue', 'green']),
  release: z.string(),
  service: z.string(),
})
type Running = z.infer<typeof runningSchema>

/** What a release is going to take, as far as it is known before it runs. */
export interface Wanted {
  readonly release: Pick<Release, 'id'>
  /** With the limits of each instance, where there are any. */
  readonly services: readonly (Pick<Service, 'name' | 'instances'> & {
    readonly memoryBytes?: number | undefined
    readonly cpus?: number | undefined
  })[]
  /** Packed bytes of images that have to be pulled; null where the registry does not tell. */
  readonly pullBytes: number | null
  /** It never runs beside another: what runs is stopped before it starts. */
  readonly isAlone: boolean
}

/**
 * Is there room on the host for the release beside the one that serves? A look. Counted is the limit of each instance, or, without one,
 * what an instance of that service uses now. What the idle slot still holds is given back before the release starts. Gives what was
 * found, for people.
 * @throws Failure NO_ROOM
 */
export async function checkHeadroom(room: Promise<Room>, wanted: Wanted): Promise<readonly string[]> {
  const { running, disk, memory } = await room
  const { availableBytes, usedBytes } = memory
  const used = ({ pid }: Running) => usedBytes.get(pid) ?? 0
  const needs = wanted.services.map((service) => needOf(service, wanted.release.id, running, used))
  const needBytes = sum(needs.map(({ bytes }) => bytes))
  const backBytes = givenBack(running, wanted, used)
  refuseMemory(needBytes, backBytes, availableBytes, needs)
  refuseDisk(wanted.pullBytes, disk)
  const unknown = needs.filter(({ bytes, missing }) => missing > 0 && bytes === 0).map(({ name }) => name)
  const many = needs.filter(({ missing }) => missing > 0).map(({ name, missing }) => `${missing} of ${name}`)
  return [
    `containers to be made or started: ${many.length === 0 ? 'none' : many.join(', ')}`,
    `peak memory: ${shown(needBytes)} more${backBytes > 0 ? `, once what is stopped before has given ${shown(backBytes)} back` : ''}; ${
      availableBytes === null ? 'the host does not tell what it has' : `${shown(availableBytes)} can be had`
    }`,
    ...(unknown.length === 0
      ? []
      : [`nothing is known about the memory of ${unknown.join(', ')}: no limit, and none runs yet`]),
    ...cpuFacts(wanted, disk.processors),
  ]
}

/** What runs on the host, and what is left of it. */
export interface Room {
  readonly running: readonly Running[]
  readonly disk: Disk
  readonly memory: Pick<MemoryNow, 'availableBytes' | 'usedBytes'>
}

/** Looks; begun before it is needed, for it takes some commands. */
export function lookForRoom(place: Place, info: Promise<EngineInfo>): Promise<Room> {
  const looks = [memoryNow(place, runningFormat), info.then((told) => freeDisk(place, told))] as const
  const room = Promise.all(looks).then(([{ lines, ...memory }, disk]) => ({
    ...{ memory, disk },
    running: lines.flatMap((line) => {
      const parsed = runningSchema.safeParse(jsonOf(line))
      return parsed.success && parsed.data.pid > 0 ? [parsed.data] : []
    }),
  }))
  // Whoever is refused for something else before does not ask.
  room.catch(() => undefined)
  return room
}

interface Need {
  readonly name: string
  /** Instances that do not run yet. */
  readonly missing: number
  readonly bytes: number
  readonly why: string
}

function needOf(
  { name, instances, memoryBytes }: Wanted['services'][number],
  id: string,
  running: readonly Running[],
  used: (each: Running) => number,
): Need {
  const own = running.filter(({ service }) => service === name)
  const missing = Math.max(0, instances - own.filter(({ release }) => release === id).length)
  const each = memoryBytes ?? Math.max(0, ...own.map(used))
  const why = `${name} ${missing} × ${shown(each)}${memoryBytes === undefined ? ', as one uses now' : ''}`
  return { name, missing, bytes: missing * each, why }
}

/** Of two slots that run, the idle one is stopped first. Which one that is the router knows: the smaller of both is safe to count on. */
function givenBack(
  running: readonly Running[],
  { release: { id }, isAlone }: Wanted,
  used: (each: Running) => number,
): number {
  if (isAlone) return sum(running.filter(({ release }) => release !== id).map(used))
  const others = slots.map((slot) => running.filter((each) => each.slot === slot && each.release !== id))
  const isResumed = running.some(({ release }) => release === id)
  return isResumed ? 0 : Math.min(...others.map((each) => sum(each.map(used))))
}

function refuseMemory(needBytes: number, backBytes: number, available: number | null, needs: readonly Need[]): void {
  if (available === null || needBytes === 0) return
  if (needBytes + memoryMarginBytes <= available + backBytes) return
  const why = needs.filter(({ bytes }) => bytes > 0).map((each) => each.why)
  throw new Failure(
    'NO_ROOM',
    `no memory for a second slot: the release takes ${shown(needBytes)} (${why.join('; ')}) and ${shown(available + backBytes)} can be had, of which ${shown(memoryMarginBytes)} stay free`,
    {
      hint: 'Lower `memory` or `instances`, stop what else runs on the host, give it more memory, or use strategy: recreate, which never runs two.',
    },
  )
}

function refuseDisk(pullBytes: number | null, { path, freeBytes }: Disk): void {
  if (freeBytes === null) return
  const needBytes = Math.ceil((pullBytes ?? 0) * unpackedTimes) + diskMarginBytes
  if (needBytes <= freeBytes) return
  throw new Failure(
    'NO_ROOM',
    `no disk for the release: it takes ${shown(needBytes)} (images to be pulled, and ${shown(diskMarginBytes)} for what is written), and ${shown(freeBytes)} are free in ${path}`,
    { hint: 'Free some: `docker system df` shows what lies there, `docker image prune` removes images nobody names.' },
  )
}

function cpuFacts({ services }: Wanted, processors: number | null): readonly string[] {
  const asked = sum(services.map(({ cpus = 0, instances }) => cpus * instances))
  if (processors === null || asked * 2 <= processors) return []
  return [
    `both slots together may ask for ${Number((asked * 2).toFixed(2))} processors and the host has ${processors}: they slow one another while both run`,
  ]
}

interface Disk {
  readonly path: string
  /** Null where it cannot be found out. */
  readonly freeBytes: number | null
  readonly processors: number | null
}

async function freeDisk({ host }: Place, { rootDir: path, processors }: EngineInfo): Promise<Disk> {
  if (path === '') return { path, freeBytes: null, processors }
  const { stdout } = await host.look({
    argv: ['df', '-P', '-k', '--', path],
    timeoutMs: 30_000,
    okCodes: [0, 1, 2],
  })
  // POSIX: the size, used and available columns of the last line are numbers of 1024 bytes.
  const [, free] = /\s\d+\s+\d+\s+(\d{1,15})\s+\S+%\s/.exec(stdout) ?? []
  return { path, freeBytes: free === undefined ? null : Number(free) * 1024, processors }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

/** `512 MiB`, `1.5 GiB`. */
function shown(bytes: number): string {
  const [scale, unit] = bytes >= 1024 ** 3 ? [1024 ** 3, 'GiB'] : [1024 ** 2, 'MiB']
  return `${Number((bytes / scale).toFixed(scale > 1024 ** 2 ? 2 : 0))} ${unit}`
}
