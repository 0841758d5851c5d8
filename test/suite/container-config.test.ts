import { expect, test } from '@jest/globals'
import { checkedRelease } from '../../packages/targets/docker/release-schema.ts'
import { containerWords, livingWords } from '../../packages/targets/docker/container-words.ts'
import { parseConfig } from '../../packages/suite/config.ts'
import { resolveRelease } from '../../packages/suite/release.ts'

const ref = `registry.example.com/shop@sha256:${'ab'.repeat(32)}`
const place = { app: 'shop', environment: 'production' }
const inputs = { port: 3000, health: '/health', command: '', instances: 1, env: {}, secrets: {} }

async function released(service: object, more: object = {}) {
  const config = await parseConfig(JSON.stringify({ services: { web: { port: 3000, ...service } } }), 'switchyard.yml')
  return resolveRelease(`{"version":"1","services":{"web":"${ref}"}}`, place, { ...inputs, ...more }, config)
}

async function wordsOf(service: object): Promise<readonly string[]> {
  const [first] = checkedRelease(await released(service)).services
  if (first === undefined) throw new Error('a release has a service')
  return [...containerWords(first), ...livingWords(first)]
}

test('what a compose file would say of a container becomes words, each joined to its option', async () => {
  expect(
    await wordsOf({
      memory: '512m',
      cpus: 0.5,
      pids: 100,
      volumes: ['uploads:/data', '/srv/fonts:/fonts:ro'],
      tmpfs: ['/tmp:size=64m'],
      labels: { team: 'a b --privileged' },
      healthcheck: { command: ['curl', '-f', "it's"], interval: '5s', retries: 2 },
      'stop-signal': 'SIGINT',
      'stop-grace': '1m30s',
      'read-only': true,
      user: 1000,
      'cap-drop': ['ALL'],
      'cap-add': ['NET_BIND_SERVICE'],
      'no-new-privileges': true,
      log: { 'max-size': '1m' },
      init: true,
    }),
  ).toEqual([
    '--log-driver=json-file',
    '--log-opt=max-size=1048576',
    '--log-opt=max-file=3',
    '--memory=536870912',
    '--cpus=0.5',
    '--pids-limit=100',
    '--mount=type=volume,source=uploads,target=/data',
    '--mount=type=bind,source=/srv/fonts,target=/fonts,readonly',
    '--tmpfs=/tmp:size=64m',
    '--read-only',
    '--user=1000',
    '--cap-drop=ALL',
    '--cap-add=NET_BIND_SERVICE',
    '--security-opt=no-new-privileges',
    '--init',
    '--label=team=a b --privileged',
    String.raw`--health-cmd='curl' '-f' 'it'\''s'`,
    '--health-interval=5000ms',
    '--health-retries=2',
    '--stop-signal=SIGINT',
    '--stop-timeout=90',
  ])
  expect(await wordsOf({})).toEqual(['--log-driver=json-file', '--log-opt=max-size=10485760', '--log-opt=max-file=3'])
  expect(await wordsOf({ healthcheck: { command: ['CMD-SHELL', 'a || b'] } })).toContain('--health-cmd=a || b')
  expect(await wordsOf({ log: { driver: 'journald' } })).toEqual(['--log-driver=journald'])
})

test('options are part of what a release is; without any it is what it was', async () => {
  const plain = await released({})
  expect(plain.services[0]).not.toHaveProperty('container')
  expect((await released({ memory: '512m' })).id).not.toBe(plain.id)
  expect((await released({ memory: '512m' })).id).toBe((await released({ memory: '512MiB' })).id)
  expect((await released({ memory: '512m' })).id).not.toBe((await released({ memory: '513m' })).id)
})

test.each<[string, object]>([
  ['a size without unit', { memory: '512' }],
  ['too little memory', { memory: '1m' }],
  ['no processor', { cpus: 0 }],
  ['the socket of the engine', { volumes: ['/var/run/docker.sock:/var/run/docker.sock'] }],
  ['the socket by a detour', { volumes: ['/var//run/./docker.sock:/x'] }],
  ['a folder above the socket', { volumes: ['/run:/host-run:ro'] }],
  ['a folder of the engine', { volumes: ['/var/lib/docker/volumes/x/_data:/x'] }],
  ['the whole host', { volumes: ['/:/host'] }],
  ['a way upwards', { volumes: ['/srv/../run:/x'] }],
  ['over the whole container', { volumes: ['data:/'] }],
  ['another part of a mount', { volumes: ['data:/x,bind-propagation=shared'] }],
  ['another kind of mount', { volumes: ['x,type=bind,source=/:/x'] }],
  ['a relative path', { volumes: ['./data:/x'] }],
  ['a line end in a volume', { volumes: ['data:/x\n--privileged'] }],
  ['options of a tmpfs that are no such', { tmpfs: ['/tmp:size=1m --privileged'] }],
  ['the network of the host', { networks: ['host'] }],
  ['an option for a network', { networks: ['--privileged'] }],
  ['the network of another container', { networks: ['container:db'] }],
  ['a label of ours', { labels: { 'switchyard.role': 'slot' } }],
  ['an option for a label', { labels: { '--privileged': 'x' } }],
  ['a label of two lines', { labels: { team: 'a\nb' } }],
  ['a signal that is none', { 'stop-signal': '$(touch x)' }],
  ['a user that is none', { user: '--privileged' }],
  ['a capability beyond the usual', { 'cap-add': ['SYS_ADMIN'] }],
  ['a capability that is none', { 'cap-drop': ['all;rm'] }],
  ['a log driver that keeps nothing here', { log: { driver: 'syslog' } }],
  ['a restart policy that is none', { restart: 'sometimes' }],
  ['an unknown key', { privileged: true }],
  ['a key of another case', { healthcheck: { test: 'true' } }],
])('refused: %s', async (_, service) => {
  await expect(wordsOf(service)).rejects.toMatchObject({ code: expect.stringMatching(/^(CONFIG|RELEASE)_INVALID$/) })
})

test('an unknown key names the nearest known one', async () => {
  await expect(released({ memmory: '1g' })).rejects.toMatchObject({ message: expect.stringContaining('"memory"') })
})

test('required variables that are missing are named all at once', async () => {
  const given = { requires: ['A', 'B', 'C', 'toString'], env: { A: '1' }, secrets: { B: '', D: 'x' } }
  await expect(released({ requires: ['D', 'E', 'A'], env: { C: 3 } }, given)).rejects.toMatchObject({
    code: 'INPUT_MISSING',
    message: expect.stringMatching(/empty: B, toString, E \(web\)$/),
  })
  const { services } = await released({ requires: ['D'] }, { requires: ['A'], env: { A: '1' }, secrets: { D: 'x' } })
  expect(services[0]).not.toHaveProperty('requires')
})
