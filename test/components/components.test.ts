import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from './docker.ts'
import { bridgeOf, startPrivateEngine, stopEngine, type Engine } from './engine.ts'
import { buildApplication, buildBase, buildHaproxy, imageNames } from './images.ts'
import { describeWith } from './require.ts'

const imageId = /^sha256:[0-9a-f]{64}$/
const server = `import { createServer } from 'node:http'
createServer((_, answer) => answer.end(process.env.VERSION)).listen(process.env.PORT, () => console.log('ready'))
process.on('SIGTERM', () => process.exit(0))`

let folder = ''
let application = ''
let engine: Engine

function run(...words: string[]): Promise<string> {
  return docker(words, { host: engine.host, timeoutMs: 30_000 })
}

describeWith('dockerd', 'a private engine', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sy-'))
    application = await mkdtemp(join(tmpdir(), 'sy-app-'))
    await writeFile(join(application, 'server.mjs'), server)
    engine = await startPrivateEngine(join(folder, 'engine'))
  }, 30_000)

  afterAll(async () => {
    await engine.stop()
    await rm(folder, { recursive: true, force: true })
    await rm(application, { recursive: true, force: true })
  }, 30_000)

  test('runs its own daemon, with a bridge of its own', async () => {
    expect(engine.borrowed).toBe(false)
    expect(await run('info', '--format', '{{.DockerRootDir}}')).toBe(join(folder, 'engine', 'data'))
    expect(await run('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Subnet}}')).toMatch(
      /^10\.211\./,
    )
  })

  test('builds the base once, and the second time only looks', async () => {
    const first = await buildBase({ host: engine.host })
    const started = performance.now()
    expect(await buildBase({ host: engine.host })).toBe(first)
    expect(performance.now() - started).toBeLessThan(2000)
    expect(first).toMatch(imageId)
    expect(await run('run', '--rm', imageNames.base, 'node', '--print', 'process.version')).toBe(process.version)
  }, 60_000)

  test('builds a HAProxy image that has bash and nothing to fetch with', async () => {
    expect(await buildHaproxy({ host: engine.host })).toMatch(imageId)
    const look = 'haproxy -v | head -n 1; for name in socat nc curl wget; do type "$name" 2>&1; done; id'
    const seen = await run('run', '--rm', imageNames.haproxy, 'bash', '-c', look)
    expect(seen).toContain('HAProxy version')
    expect(seen).toContain('uid=99(haproxy)')
    expect(seen.match(/: not found/g)).toHaveLength(4)
    expect(await run('image', 'inspect', '--format', '{{.Config.StopSignal}}', imageNames.haproxy)).toBe('SIGUSR1')
  }, 60_000)

  test('gives each version of an application its own image, found again by its content', async () => {
    const options = { host: engine.host }
    const one = await buildApplication({ folder: application, tag: 'shop:1', version: '1' }, options)
    const two = await buildApplication({ folder: application, tag: 'shop:2', version: '2' }, options)
    expect(two).not.toBe(one)
    expect(await buildApplication({ folder: application, tag: 'shop:1', version: '1' }, options)).toBe(one)
    await cp(join(application, 'server.mjs'), join(application, 'copy.mjs'))
    expect(await buildApplication({ folder: application, tag: 'shop:1', version: '1' }, options)).not.toBe(one)
  }, 60_000)

  test('lets containers find each other by alias and publishes on 127.0.0.1', async () => {
    await buildApplication({ folder: application, tag: 'shop:3', version: '3' }, { host: engine.host })
    await run('network', 'create', 'shop-net')
    await run(
      'run',
      '--detach',
      '--name',
      'shop',
      '--network',
      'shop-net',
      '--network-alias',
      'web-blue',
      '--publish',
      '127.0.0.1::3000',
      'shop:3',
    )
    await run('exec', 'shop', 'sh', '-c', 'until wget -qO- 127.0.0.1:3000; do usleep 20000; done')
    expect(
      await run('run', '--rm', '--network', 'shop-net', imageNames.base, 'wget', '-qO-', 'http://web-blue:3000/'),
    ).toBe('3')
    const address = await run('port', 'shop', '3000')
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(await (await fetch(`http://${address}/`)).text()).toBe('3')
  }, 60_000)

  test('leaves no container, network, bridge or folder behind, and may be stopped twice', async () => {
    const other = join(folder, 'other')
    const second = await startPrivateEngine(other)
    expect(second.host).not.toBe(engine.host)
    const network = (await docker(['network', 'create', 'left-over'], { host: second.host })).trim()
    // Other suites start engines and containers at the same time: only what is this engine's own is looked for.
    const own = [bridgeOf(other), `br-${network.slice(0, 12)}`]
    const bridges = () => readdirSync('/sys/class/net').filter((name) => own.includes(name))
    expect(bridges().sort()).toEqual(own.sort())
    await second.stop()
    await stopEngine(other)
    expect(existsSync(other)).toBe(false)
    expect(bridges()).toEqual([])
    expect(await run('version', '--format', '{{.Server.Version}}')).toBeTruthy()
  }, 60_000)

  test('clears up after an engine that was killed', async () => {
    const killed = join(folder, 'killed')
    const second = await startPrivateEngine(killed)
    await buildBase({ host: second.host })
    await docker(['run', '--detach', '--stop-timeout', '1', imageNames.base, 'sleep', '600'], { host: second.host })
    process.kill(Number(await readFile(join(killed, 'pid'), 'utf8')), 'SIGKILL')
    await stopEngine(killed)
    expect(existsSync(killed)).toBe(false)
    expect(await processesNaming(killed)).toEqual([])
  }, 60_000)
})

async function processesNaming(words: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line.includes(words))
}
