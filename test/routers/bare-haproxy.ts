import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { allTo } from '#kernel'
import { configOf, healthMapOf, weightMapOf } from '../../packages/routers/haproxy/config.ts'
import { limitsMapOf } from '../../packages/routers/haproxy/limits.ts'
import type { Limits } from '../../packages/routers/limits.ts'
import { frontPort, insideFolder } from '../../packages/routers/haproxy/shape.ts'
import type { Lane } from '../../packages/routers/haproxy/shape.ts'
import { freePort } from '../components/free-port.ts'

/** HAProxy as a plain process with a configuration of ours: the same text as in a container, at ports of the test's own. */
export interface BareHaproxy extends AsyncDisposable {
  /** Where it listens now, by the port that the configuration names. */
  port(named: number): number
  /** What the runtime API answers; names of files are those that the configuration has. */
  say(commands: string): Promise<string>
}

export async function bareHaproxy(config: string, maps: Readonly<Record<string, string>>): Promise<BareHaproxy> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-bare-'))
  const ports = new Map<string, number>()
  for (const [, , named = ''] of config.matchAll(/(bind :|127\.0\.0\.1:)([0-9]+)(?= |$)/gm)) {
    if (Number(named) > 1) ports.set(named, await freePort())
  }
  const text = config
    .replaceAll(insideFolder, folder)
    .replace(/bind :([0-9]+)/g, (_, named: string) => `bind 127.0.0.1:${ports.get(named) ?? 0}`)
    .replace(/ipv4@127\.0\.0\.1:9999/, () => `ipv4@127.0.0.1:${ports.get('9999') ?? 0}`)
  for (const [name, map] of Object.entries(maps)) await writeFile(join(folder, name), map)
  await writeFile(join(folder, 'haproxy.cfg'), text)
  const child = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], {
    env: { ...process.env, SWITCHYARD_PROBE: 'secret-of-the-test' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (part: Buffer) => (said += part.toString()))
  const say = async (commands: string) => {
    const socket = connect(ports.get('9999') ?? 0, '127.0.0.1')
    socket.end(`${commands.replaceAll(insideFolder, folder)}\n`)
    let answer = ''
    for await (const part of socket) answer += String(part)
    return answer
  }
  const dispose = async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
  for (let left = 100; ; left -= 1) {
    const isUp = await say('show info').catch(() => '')
    if (isUp.includes('Uptime')) break
    if (left > 0 && child.exitCode === null) await sleep(20)
    else {
      await dispose()
      throw new Error(`haproxy does not come up: ${said}`)
    }
  }
  return {
    port: (named) => ports.get(String(named)) ?? 0,
    say,
    [Symbol.asyncDispose]: dispose,
  }
}

/** An app's own router, all of whose traffic goes to one lane. */
export async function bareRouter(
  lane: Lane,
  limits: Limits = {},
  behind: string | null = null,
): Promise<BareHaproxy & { readonly front: number }> {
  const lanes = { blue: [lane], green: [] }
  const router = await bareHaproxy(configOf(lanes, 1, behind), {
    'health.map': healthMapOf(lanes),
    'weight.map': weightMapOf(allTo('blue')),
    'limits.map': limitsMapOf(limits),
  })
  return { ...router, front: router.port(frontPort(0)) }
}
