import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asFailure } from '#kernel'
import type { FailureCode } from '#kernel'
import type { ActionSession } from '#runner'
import { readSettings } from '#suite'
import { deployCommand } from '../../actions/deploy-bluegreen/command.ts'
import { action } from '../../actions/deploy-bluegreen/inputs.ts'
import { freePort } from '../components/free-port.ts'
import { describeWith, find } from '../components/require.ts'
import { ask } from '../contract/hammer.ts'
import { sessionOf } from '../suite/session.ts'
import { lines, writeProject } from './compose-world.ts'
import { dockerShop } from './docker-shop.ts'
import type { DockerShop } from './docker-shop.ts'

const longMs = 180_000

/** What somebody could write who wants a command run, an option taken, or a file written elsewhere. */
const hostile = (canary: string): readonly string[] => [
  `$(touch ${canary})`,
  `\`touch ${canary}\``,
  `x; touch ${canary} #`,
  `x' ; touch ${canary} ; '`,
  `x" | touch ${canary} | "`,
  `x\ntouch ${canary}\n`,
  `--privileged`,
  `--volume=/:/host`,
  `../../../../..${canary}`,
  canary,
  `x,source=/,target=/host`,
  `x{{.}}\${PWD}%(PWD)s`,
]

type Settings = {
  readonly services?: object
  readonly inputs?: Readonly<Record<string, string>>
  readonly release?: object
}

/** What is said in the place of a word; each is a deploy. */
const places: readonly (readonly [string, (word: string) => Settings])[] = [
  ['the name of the app', (app) => ({ inputs: { app } })],
  ['the environment', (environment) => ({ inputs: { environment } })],
  ['the host', (hosts) => ({ inputs: { hosts, 'known-hosts': `${hosts} ssh-ed25519 AAAA`, 'ssh-key': hosts } })],
  ["the router's image", (image) => ({ inputs: { 'router-image': image } })],
  ['where the front listens', (listen) => ({ inputs: { listen } })],
  ['the health path', (health) => ({ inputs: { health } })],
  ['the image', (web) => ({ release: { services: { web } } })],
  ['the image by digest', (name) => ({ release: { services: { web: `${name}@sha256:${'ab'.repeat(32)}` } } })],
  ['a service', (name) => ({ services: { [name]: { port: 3000 } }, release: { services: { [name]: 'sha256:1' } } })],
  ['the name of a variable', (name) => ({ inputs: { env: JSON.stringify([`${name}=1`]) } })],
  ['the name of a secret', (name) => ({ inputs: { secrets: `${name.replaceAll('\n', ' ')}=1` } })],
  ['a volume', (source) => ({ services: { web: { port: 3000, volumes: [`${source}:/data`] } } })],
  ['where a volume is mounted', (at) => ({ services: { web: { port: 3000, volumes: [`data:${at}`] } } })],
  ['a tmpfs', (at) => ({ services: { web: { port: 3000, tmpfs: [at] } } })],
  ['a network', (name) => ({ services: { web: { port: 3000, networks: [name] } } })],
  ['the name of a label', (name) => ({ services: { web: { port: 3000, labels: { [name]: '1' } } } })],
  ['a stop signal', (signal) => ({ services: { web: { port: 3000, 'stop-signal': signal } } })],
  ['the user', (user) => ({ services: { web: { port: 3000, user } } })],
  ['a capability', (name) => ({ services: { web: { port: 3000, 'cap-add': [name] } } })],
  ['a limit of memory', (memory) => ({ services: { web: { port: 3000, memory } } })],
  ['the driver of logs', (driver) => ({ services: { web: { port: 3000, log: { driver } } } })],
  ['a restart policy', (restart) => ({ services: { web: { port: 3000, restart } } })],
]

/** Where an absolute path is a word like any other. */
const takesPaths = ['the health path', 'a volume', 'where a volume is mounted', 'a tmpfs']

const refusals: readonly FailureCode[] = [
  ...(['INPUT_INVALID', 'INPUT_CONFLICT', 'INPUT_UNKNOWN', 'INPUT_MISSING', 'RELEASE_INVALID'] as const),
  ...(['CONFIG_INVALID', 'HOST_NOT_READY', 'HOST_UNREACHABLE', 'IMAGE_MISSING', 'HOST_KEY_UNKNOWN'] as const),
]

describeWith('dockerd', 'hostile words', () => {
  let shop: DockerShop
  let canary = ''
  let workspace = ''

  beforeAll(async () => {
    shop = await dockerShop()
    canary = join(shop.place.folder, 'canary')
    workspace = join(shop.place.folder, 'checkout')
  }, longMs)
  afterAll(() => shop?.close(), longMs)
  beforeEach(() => writeProject(workspace, { '.github/switchyard.yml': '{}' }))

  const run = async ({ services, inputs = {}, release = {} }: Settings, target = 'docker') => {
    if (services !== undefined)
      await writeProject(workspace, { '.github/switchyard.yml': JSON.stringify({ services }) })
    const { place, port } = shop
    const given = {
      ...{ app: place.app, environment: 'test', target, 'state-dir': join(place.folder, 'deployed') },
      ...{ 'router-image': shop.inputs['router-image'], listen: `127.0.0.1:${port}`, drain: '1s', successes: '2' },
      ...{
        release: JSON.stringify({ version: 'v1', services: { web: place.shop }, ...release }),
        deadline: '10s',
        bake: '0',
      },
      ...inputs,
    }
    const session: ActionSession = {
      ...sessionOf(given, { GITHUB_WORKSPACE: workspace }),
      signal: AbortSignal.timeout(longMs),
    }
    try {
      return (await deployCommand(session, await readSettings(action, session))).failure ?? null
    } catch (thrown) {
      return asFailure(thrown)
    }
  }
  const isTouched = () =>
    access(canary).then(
      () => true,
      () => false,
    )
  /** What stands outside of where things belong. */
  const outside = async () => (await readdir(shop.place.folder)).sort()

  test.each(places)(
    '%s is refused, and nothing is run, made or written for it',
    async (what, settings) => {
      const before = await outside()
      for (const word of hostile(canary).filter((each) => each !== canary || !takesPaths.includes(what))) {
        const failure = await run(settings(word))
        expect(`${word}: ${failure?.code ?? 'accepted'}`).toBe(
          `${word}: ${refusals.find((code) => code === failure?.code) ?? 'refused'}`,
        )
        expect(`${word}: ${await isTouched()}`).toBe(`${word}: false`)
      }
      expect((await outside()).filter((name) => !before.includes(name) && name !== 'deployed')).toEqual([])
      const ours = `--filter=label=switchyard.app=${shop.place.app}`
      expect(await shop.place.docker('ps', '--all', '--quiet', ours, '--filter=label=switchyard.role=slot')).toBe('')
    },
    longMs,
  )

  test(
    'what may be anything is taken as it stands: version, values, labels, a command, a check',
    async () => {
      const word = hostile(canary)
        .filter((each) => !each.includes('\n'))
        .join(' ')
      const services = {
        web: { port: 3000, labels: { team: word }, healthcheck: { command: ['echo', word], interval: '1s' } },
        worker: { command: ['sh', '-c', 'echo "$1"; exec sleep 600', 'sh', word], init: true },
      }
      const release = { version: word.slice(0, 200), services: { web: shop.place.shop, worker: shop.place.shop } }
      const inputs = { env: `VALUE=${word}\nVERSION=${word.slice(0, 200)}`, secrets: `SECRET=${word}` }
      expect((await run({ services, release, inputs }))?.message ?? '').toBe('')
      expect(JSON.parse((await ask(shop.front)).body)).toMatchObject({ version: word.slice(0, 200) })
      const ids = lines(
        await shop.place.docker(
          ...[
            'ps',
            '--quiet',
            `--filter=label=switchyard.app=${shop.place.app}`,
            '--filter=label=switchyard.role=slot',
          ],
        ),
      )
      expect(ids).toHaveLength(2)
      const told = JSON.parse(
        `[${(await shop.place.docker('inspect', '--format={{json .}},', ...ids)).replace(/,$/, '')}]`,
      )
      for (const each of told) {
        expect(each).toMatchObject({ HostConfig: { Privileged: false, Binds: null }, Mounts: [] })
        expect(each.Config.Env).toContain(`VALUE=${word}`)
        expect(each.Config.Env).toContain(`SECRET=${word}`)
      }
      expect(await isTouched()).toBe(false)
    },
    longMs,
  )

  // Compose is another component; where it is not there, the suites of target compose say so.
  ;(find('compose').ok ? test : test.skip)(
    'so it is with a compose file, whose texts go through two files more',
    async () => {
      const words = hostile(canary)
      const escaped = words.map((each) => each.replaceAll('$', '$$$$'))
      const environment = { VERSION: 'c1', ...Object.fromEntries(escaped.map((word, at) => [`WORD_${at}`, word])) }
      const web = {
        ...{ image: 'shop', ports: ['127.0.0.1:1:3000'], environment },
        ...{ labels: { team: escaped.join(' ') }, healthcheck: { test: ['CMD', 'echo', ...escaped], interval: '1s' } },
      }
      await writeProject(workspace, {
        'compose.yaml': JSON.stringify({ name: `h${shop.place.app}`, services: { web } }),
      })
      const listen = `127.0.0.1:${await freePort()}`
      const inputs = { environment: 'composed', listen, secrets: `SECRET=${words[0] ?? ''}` }
      expect((await run({ inputs, release: { version: 'c1' } }, 'compose'))?.message ?? '').toBe('')
      const [id = ''] = lines(
        await shop.place.docker(
          ...[
            'ps',
            '--quiet',
            `--filter=label=switchyard.app=${shop.place.app}`,
            '--filter=label=switchyard.role=slot',
          ],
          '--filter=label=switchyard.environment=composed',
        ),
      )
      const told = JSON.parse(await shop.place.docker('inspect', '--format={{json .}}', id))
      for (const [at, word] of words.entries()) expect(told.Config.Env).toContain(`WORD_${at}=${word}`)
      expect(told.Config.Env).toContain(`SECRET=${words[0] ?? ''}`)
      expect(told).toMatchObject({ HostConfig: { Privileged: false }, Mounts: [] })
      expect(await isTouched()).toBe(false)
      for (const name of words) {
        const services = { [name]: { image: 'shop', ports: ['127.0.0.1:1:3000'] } }
        await writeProject(workspace, { 'compose.yaml': JSON.stringify({ name: `h${shop.place.app}`, services }) })
        expect(await run({ inputs }, 'compose')).toMatchObject({ code: 'COMPOSE_INVALID' })
        expect(await isTouched()).toBe(false)
      }
    },
    longMs,
  )
})
