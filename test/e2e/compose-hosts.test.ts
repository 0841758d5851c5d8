import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { RemoteHost } from '../components/remote-host.ts'
import { describeWith, find } from '../components/require.ts'
import { isLong } from '../long.ts'
import { startLoad } from '../load/start-load.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { composeGround, otherCompose } from './compose-ground.ts'
import type { ComposeGround } from './compose-ground.ts'

const longMs = 240_000
const component = find('compose').ok ? 'remote-host' : 'compose'
const ports = { front: 8080, back: 4000 }
const later = isLong ? ['v2', 'v3'] : ['v2']
const env = { FRONT_PORT: String(ports.front), BACK_PORT: String(ports.back) }

describeWith(component, 'a compose project on two hosts over SSH', () => {
  let ground: ComposeGround
  let one: RemoteHost
  let two: RemoteHost
  let stores: readonly string[] = []
  const loads: RunningLoad[] = []
  const canary = 'c4n4ry-5ecret-of-the-app'

  beforeAll(async () => {
    ground = await composeGround('many', ['frontend', 'backend', 'worker'], 2)
    ;[one, two] = ground.hosts as [RemoteHost, RemoteHost]
  }, longMs)
  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop().catch(() => undefined)))
    await ground?.close()
  }, longMs)

  const deploy = (version: string, more = {}) => ground.deploy(version, { env, secrets: { TOKEN: canary }, ...more })
  const versions = async () => {
    const all = ground.hosts.map(async (host) => [
      (await ground.answer(host, ports.front))['version'],
      (await ground.answer(host, ports.back))['version'],
    ])
    return (await Promise.all(all)).flat()
  }
  const both = (version: string) => ground.hosts.flatMap(() => [`${version}+${version}`, version])
  const containers = (host: RemoteHost) => host.docker('ps', '--all', '--format={{.Names}} {{.State}}')

  test.each([
    ['without compose', null, 'there is no docker compose'],
    ['with an old compose', '2.17.3', 'docker compose is 2.17.3'],
  ])(
    'a host %s is named, and nothing is changed on any',
    async (_, version, words) => {
      const restore = await otherCompose(two, version)
      await expect(deploy('v0')).rejects.toMatchObject({
        code: 'COMPOSE_MISSING',
        message: expect.stringMatching(new RegExp(`${two.sshd.address('deploy')}: ${words}`)),
      })
      await restore()
      expect([await containers(one), await containers(two)]).toEqual(['', ''])
      expect(await one.docker('network', 'ls', '--filter=label=switchyard.app', '--quiet')).toBe('')
    },
    longMs,
  )

  test(
    'a first release goes live on both, each service at the port that the file publishes',
    async () => {
      const watched = watchWords(canary)
      await deploy('v1')
      expect(await watched.stop()).toEqual([])
      expect(await versions()).toEqual(both('v1'))
      stores = await Promise.all(ground.hosts.map((host) => ground.identity(host, 'store')))
      for (const { within } of ground.hosts) {
        for (const port of Object.values(ports)) {
          const url = `http://127.0.0.1:${port}`
          const options = { url, rate: 6, connections: 24, sockets: 0, slowMs: 0, intervalMs: 250, posts: 0 }
          loads.push(await startLoad(options, undefined, within))
        }
      }
    },
    longMs,
  )

  test(
    'nothing of what runs there is mounted from the checkout',
    async () => {
      for (const host of ground.hosts) {
        const ids = (await host.docker('ps', '--all', '--quiet')).split('\n')
        expect(await host.docker('inspect', '--format={{json .Mounts}}', ...ids)).not.toContain(ground.workspace)
      }
    },
    longMs,
  )

  test.each(later)(
    'release %s replaces what is routed on both; the stores are not touched',
    async (version) => {
      await deploy(version)
      expect(await versions()).toEqual(both(version))
      expect(await Promise.all(ground.hosts.map((host) => ground.identity(host, 'store')))).toEqual(stores)
    },
    longMs,
  )

  test(
    'the way back needs neither checkout nor inputs',
    async () => {
      await rename(ground.workspace, `${ground.workspace}-gone`)
      await ground.rollback()
      await rename(`${ground.workspace}-gone`, ground.workspace)
      expect(await versions()).toEqual(both(['v1', ...later].at(-2) ?? ''))
    },
    longMs,
  )

  test(
    'in all, nothing was lost at any port, and no two releases ever met',
    async () => {
      for (const load of loads.splice(0)) {
        const total = await load.stop()
        const lost = load.lines.flatMap((line) => (line.type === 'lost' ? [`${line.reason} ${line.detail}`] : []))
        for (const reason of new Set(lost)) console.log(`${reason}: ${lost.filter((each) => each === reason).length}`)
        console.log(`sent ${total.sent}, lost ${total.lost}, bad ${total.bad}, longest gap ${total.longestGap.ms} ms`)
        expect([total.lost, total.bad]).toEqual([0, 0])
        expect(Object.keys(total.seen).filter((each) => each.includes('+') && !/^(v\d)\+\1$/.test(each))).toEqual([])
      }
      expect(await Promise.all(ground.hosts.map((host) => ground.identity(host, 'store')))).toEqual(stores)
    },
    longMs,
  )
})

describeWith(component, 'a compose project that runs on a host today', () => {
  let ground: ComposeGround
  let host: RemoteHost
  const port = 8080
  const told = { env: { APP_PORT: String(port), STORE_PASSWORD: 'open' }, inputs: { adopt: 'true' } }
  const running = () => host.docker('ps', '--filter=label=com.docker.compose.project=shop', '--format={{.Names}}')

  beforeAll(async () => {
    ground = await composeGround('one', ['web'], 1)
    ;[host] = ground.hosts as [RemoteHost]
    await ground.composeUp({ ...told.env, TAG: 'today' })
  }, longMs)
  afterAll(() => ground?.close(), longMs)

  test(
    'is taken over by a release that was proven aside; the database stays, and the gap is told',
    async () => {
      expect(await ground.answer(host, port)).toMatchObject({ version: 'v0' })
      const store = await ground.identity(host, 'db')
      await expect(ground.deploy('v1', { env: told.env })).rejects.toMatchObject({ code: 'COMPOSE_RUNNING' })
      await ground.deploy('v1', told)
      const notes = ground.events.flatMap((event) => (event.kind === 'note' ? [event.text] : []))
      const gap = notes.find((note) => note.startsWith('took over from'))
      console.log(gap)
      expect(gap).toContain('shop-app-1: nothing answered for at most')
      expect(await ground.answer(host, port)).toMatchObject({ version: 'v1' })
      expect(await ground.identity(host, 'db')).toBe(store)
      expect(await running()).toBe('shop-db-1')
    },
    longMs,
  )
})

/** Command lines that hold a word, for as long as it watches. */
function watchWords(word: string): { stop(): Promise<readonly string[]> } {
  const found = new Set<string>()
  let isOver = false
  const look = async () => {
    while (!isOver) {
      const ids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
      for (const id of ids) {
        const words = await readFile(join('/proc', id, 'cmdline'), 'utf8').catch(() => '')
        if (words.includes(word)) found.add(words.replaceAll('\0', ' '))
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const looking = look()
  return {
    async stop() {
      isOver = true
      await looking
      return [...found]
    },
  }
}
