import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RemoteHost } from '../components/remote-host.ts'
import { overSsh } from '../components/ssh-client.ts'
import { diskOf } from './host-stand.ts'
import { restartEngine } from './restart-engine.ts'
import { emptyDisk, fillDisk } from './small-disk.ts'

/** Something that happens to one host while a run is under way. */
export interface HostFault {
  readonly name: string
  /** When: before the run begins, at a line about the host (its first of that kind), or at any line. */
  readonly at: 'before' | 'any' | RegExp
  /** Inputs of the run that it strikes. */
  readonly inputs?: Readonly<Record<string, string>>
  /** The run itself is killed as well, at any line. */
  readonly alsoKills?: boolean
  /** The router of the host dies with it: what is lost then is a gap, and is told apart. */
  readonly endsRouter?: boolean
  strike(host: RemoteHost): Promise<void>
  /** Takes it back, before the next run. */
  mend(host: RemoteHost): Promise<void>
}

const nothing = () => Promise.resolve()
/** What strikes in the gate needs a moment to do so: later, nobody would be left to answer. */
const longGate = { successes: '60' }
const cutMs = 4000
const skew = '+420s'
const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'

const restart = ({ folder, within }: RemoteHost) => restartEngine(join(folder, 'engine'), 'bridge0', within)
const fill = (host: RemoteHost) => fillDisk(diskOf(host))
const empty = (host: RemoteHost) => emptyDisk(diskOf(host))

/** What happens to hosts; the clock only where Debian's libfaketime is there. */
export const hostFaults: readonly HostFault[] = [
  { name: 'new container killed', at: /▸ gate/, inputs: longGate, strike: killContainer, mend: nothing },
  { name: 'router killed', at: 'any', endsRouter: true, strike: killRouter, mend: nothing },
  { name: 'dockerd restarted', at: 'any', endsRouter: true, strike: restart, mend: nothing },
  { name: 'disk full', at: 'any', strike: fill, mend: empty },
  { name: 'disk full, run killed', at: 'any', alsoKills: true, strike: fill, mend: empty },
  { name: 'host dead', at: 'before', strike: (host) => host.link('down'), mend: (host) => host.link('up') },
  { name: 'host dies', at: 'any', strike: (host) => host.link('down'), mend: (host) => host.link('up') },
  { name: 'network cut for 4 s', at: 'any', strike: cutLink, mend: (host) => host.link('up') },
  { name: 'connections cut', at: 'any', strike: (host) => host.cutConnections(), mend: nothing },
  ...(existsSync(fakeTime)
    ? [{ name: 'clock 7 min ahead', at: 'before' as const, alsoKills: true, strike: setAhead, mend: setRight }]
    : []),
]

async function killContainer(host: RemoteHost): Promise<void> {
  const [newest = ''] = (await host.docker('ps', '--quiet', '--filter=label=switchyard.role=slot')).split('\n')
  await host.docker('kill', newest)
}

async function killRouter(host: RemoteHost): Promise<void> {
  await host.docker('kill', await host.docker('ps', '--quiet', '--filter=label=switchyard.role=router'))
}

async function cutLink(host: RemoteHost): Promise<void> {
  await host.link('down')
  await sleep(cutMs)
  await host.link('up')
}

function setAhead(host: RemoteHost): Promise<void> {
  return setClock(host, `LD_PRELOAD=${fakeTime} FAKETIME=${skew}`, true)
}

function setRight(host: RemoteHost): Promise<void> {
  return setClock(host, '', false)
}

/** Everything that later sessions start sees another time. Waits until one does. @throws Error when none does */
async function setClock(host: RemoteHost, words: string, isAhead: boolean): Promise<void> {
  const { folder, sshd } = host
  const file = join(folder, 'sshd_config')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/^SetEnv .*$/m, `SetEnv DOCKER_HOST=${host.engine} ${words}`.trim()))
  process.kill(sshd.pid, 'SIGHUP')
  for (let look = 0; look < 50; look += 1) {
    await sleep(100)
    const far = (await clockOf(host).catch(() => Number.NaN)) * 1000 - Date.now()
    if (isAhead ? far > 300_000 : Math.abs(far) < 60_000) return
  }
  throw new Error('the clock of the host could not be set')
}

async function clockOf(host: RemoteHost): Promise<number> {
  return Number(await overSsh(host, ['date', '+%s']))
}
