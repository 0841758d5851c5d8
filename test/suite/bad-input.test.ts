import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Failure, failureCodes } from '#kernel'
import { fieldsOf, readInputs } from '#suite'
import { parseConfig } from '#suite/config'
import { action as buildAction } from '../../actions/build-scan/inputs.ts'
import { action as deliverAction } from '../../actions/deliver/inputs.ts'
import { action as deployAction } from '../../actions/deploy-bluegreen/inputs.ts'
import { action as migrateAction } from '../../actions/migrate/inputs.ts'
import { action as rollbackAction } from '../../actions/rollback/inputs.ts'
import { action as verifyAction } from '../../actions/verify-health/inputs.ts'
import { commands } from '../../packages/cli/commands.ts'
import { failureOf } from './session.ts'
import type { Command } from './session.ts'

const digest = `sha256:${'a'.repeat(64)}`

/** What the command line runs for a word: it reads its own inputs. */
function commandOf(word: string): Command {
  return async (session) => {
    const { run } = (await commands[word]?.load()) ?? { run: undefined }
    if (run === undefined) throw new Error(`no command ${word}`)
    return run(session)
  }
}

let folder = ''
let state = ''
let workspace = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-bad-input-'))
  state = join(folder, 'state')
  workspace = join(folder, 'workspace')
  await mkdir(workspace)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Inputs with which an action would get to its work. */
const sound: Readonly<Record<string, { command: Command; inputs: () => Record<string, string> }>> = {
  'build-scan': { command: commandOf('build'), inputs: () => ({ artifact: 'folder', context: 'nowhere' }) },
  migrate: {
    command: commandOf('migrate'),
    inputs: () => ({ 'database-url': `sqlite:${folder}/shop.db`, migrations: 'nowhere' }),
  },
  'deploy-bluegreen': {
    command: commandOf('deploy'),
    inputs: () => ({
      release: `/nowhere.tar.gz@${digest}`,
      target: 'process',
      command: 'node server.mjs',
      'state-dir': state,
    }),
  },
  'verify-health': {
    command: commandOf('verify'),
    inputs: () => ({ url: 'http://127.0.0.1:9/health', deadline: '50ms' }),
  },
  rollback: { command: commandOf('rollback'), inputs: () => ({ target: 'process', 'state-dir': state }) },
  deliver: {
    command: commandOf('deliver'),
    inputs: () => ({
      release: `/nowhere.tar.gz@${digest}`,
      target: 'process',
      command: 'node server.mjs',
      'state-dir': state,
    }),
  },
}

const definitions = {
  'build-scan': buildAction,
  migrate: migrateAction,
  'deploy-bluegreen': deployAction,
  'verify-health': verifyAction,
  rollback: rollbackAction,
  deliver: deliverAction,
}

/** What no reader of that kind of field accepts, by the field's name. */
const malformed: Readonly<Record<string, readonly string[]>> = {
  deadline: ['10', '5 parsecs', '-1s', '1e9d'],
  bake: ['60', 'soon', '10min'],
  batch: ['0', '101%', 'all'],
  setup: ['maybe'],
  drain: ['30', '∞'],
  'step-time': ['1', '1w'],
  window: ['10', '99999d'],
  timeout: ['5', '-5s'],
  successes: ['0', '3s', '-1', '1.5', '1e3', '99999999999999999999'],
  'min-samples': ['4', '20%', 'many'],
  instances: ['0', '17', 'two'],
  retain: ['0', '-5'],
  port: ['0', '65536', '3000/tcp', '0x50'],
  listen: ['0', 'localhost:80', '127.0.0.1', '1.2.3.4:99999', ':80'],
  routes: ['https://shop.example.com', 'shop.example.com:80', 'a.example/../b', 'a.example;show info', '[1'],
  domain: ['*.example.com', 'a b c', '$(id).example'],
  'http-listen': ['0', 'localhost:80', '127.0.0.1', '1.2.3.4:99999', ':80'],
  'front-image': ['a\nb'],
  'trusted-proxies': ['cdn.example', '10.0.0.0/33', '10.0.0.0/8/8', '::/129', 'fe80::1%eth0', '10.0.0.1;show info'],
  'max-body': ['10', '10 MB', '0', '-1', '1t', 'ten'],
  'request-timeout': ['60', '500ms', '2h', 'soon'],
  'app-protocol': ['h2', 'grpc', 'HTTP'],
  rate: ['0', '10/s', '-1', 'NaN', '1e3'],
  steps: ['5,25', '100,5', '0,100', 'a,100', '5,5,100', '[5, 100'],
  checks: ['p95 < 500', 'p95 << 5ms', 'p96 < 5ms', 'error_rate < 1ms', '< 5ms', '["p95 < 5ms"'],
  mode: ['deploi', 'DEPLOY', 'deploy plan'],
  artifact: ['container'],
  backup: ['no'],
  'run-in': ['moon'],
  'keep-warm': ['always', '5 minutes', '99999h'],
  'on-inconclusive': ['shrug'],
  'before-shift': ['release:', 'node clear.js\nrunner: '],
  'after-shift': ['host:', '["runner:"]'],
  'hook-timeout': ['5', '2h'],
  strategy: ['big-bang'],
  target: ['mainframe', '../docker', '__proto__', 'constructor'],
  router: ['carrier-pigeon', 'toString'],
  environment: ['prod/../etc', 'a b', '-prod', 'x'.repeat(50)],
  app: ['../shop', 'shop;rm', '$(id)', 'a\nb'],
  service: ['../web', '--web'],
  health: ['health', 'http://elsewhere/health', '/a b', '/ok\r\nHost: evil'],
  status: ['ok', '99', '2xx'],
  expect: ['checks.database', '=ok', 'status == 99', '$.a[ == 1', 'body matches /(/'],
  method: ['get', 'FETCH'],
  headers: ['no colon', 'bad name: x', 'a: 1\nA: 2', 'x: \u0001'],
  body: ['\0'],
  redirects: ['sometimes'],
  socket: ['a\nb'],
  ca: ['\0'],
  'client-cert': ['half a pair'],
  'client-key': ['half a pair'],
  insecure: ['maybe'],
  digest: ['a\nb'],
  'digest-path': ['a\nb'],
  origins: ['[', 'ftp://x', 'x'],
  addresses: ['some'],
  'first-healthy': ['10', '-1s'],
  stable: ['10', '2h'],
  probes: ['[', 'ftp://x', 'tcp://db', 'container:', 'command:', 'smtp:25'],
  'health-url': ['nonsense', 'ftp://x'],
  'ready-url': ['x', 'ftp://x'],
  'on-degraded': ['shrug'],
  'certificate-days': ['-1', '2w', '9999'],
  'https-redirect': ['perhaps', 'true'],
  flow: ['missing-flow.yml'],
  'flow-secrets': ['NOVALUE', 'A=1'],
  baseline: ['x', 'ftp://x'],
  pairs: ['4', 'many'],
  metrics: ['nonsense', 'x = graphite y', 'p95 = prometheus up', 'x = json nowhere $.a'],
  prometheus: ['x', 'ftp://x'],
  'prometheus-token': ['a\nb'],
  previous: ['a\nb'],
  report: ['a\nb'],
  'compose-file': ['["compose.yaml"'],
  profiles: ['[web'],
  'github-token': ['a\nb'],
  adopt: ['maybe'],
  url: ['ftp://x', 'x', 'http://', '127.0.0.1:80', 'javascript:alert(1)'],
  env: ['NOVALUE', '1A=b', 'A=1\nA=2', 'A B=c'],
  secrets: ['just-a-secret', 'A=1\nA=2'],
  requires: ['A B', '1A', 'A=1', '$(id)'],
  force: ['yes', '1', 'ja'],
  release: [
    'shop:latest',
    '{"version":',
    '{"version":"1","services":{}}',
    '{"version":"1","services":{"web":"shop:latest"}}',
    `{"version":"1","services":{"web":"x@${digest}"},"extra":1}`,
    'x@sha256:abc',
  ],
  tls: ['on', 'AUTO'],
  'https-listen': ['https', '0', '1.2.3:443'],
  hsts: ['soon', '-1d', '1 year'],
  'acme-directory': ['x', 'ftp://x'],
  'acme-email': ['nobody', 'a b@c', 'a@b\nc'],
  'tls-image': ['a\nb'],
  certificate: ['half-a-certificate'],
  'certificate-key': ['half-a-certificate'],
  'acme-root': ['no certificate'],
  tool: ['rails', '__proto__'],
  'database-url': ['postgres://x', 'shop.db', 'sqlite'],
  hosts: ['deploy@a b', 'deploy@a.example.com:99999', '-oProxyCommand=id'],
  'probes-run-in': ['release'],
  to: ['a\nb'],
  'registry-username': ['half-a-login'],
  migration: ['{not json'],
  run: ['echo $(id) && rm -rf /', 'npm test | tee log'],
  config: ['missing.yml'],
}

/** Inputs that may hold any text; what they mean is found out later. */
const free = [
  'reason',
  'version',
  'version-path',
  'image',
  'dockerfile',
  'migrations',
  'backup-dir',
  'output',
  'context',
  'command',
  'ignore',
  'ssh-key',
  'known-hosts',
  'registry-password',
  'router-image',
  'state-dir',
]

async function expectTypedFailure(command: Command, inputs: Record<string, string>): Promise<Failure> {
  const failure = await failureOf(command, inputs, workspace)
  expect(failure).toBeInstanceOf(Failure)
  expect(Object.keys(failureCodes)).toContain(failure?.code)
  expect(failure?.code).not.toBe('INTERNAL')
  return failure as Failure
}

describe.each(Object.keys(sound))('%s', (name) => {
  const { command, inputs } = sound[name] as (typeof sound)[string]
  const definition = definitions[name as keyof typeof definitions]
  const fields = fieldsOf(definition)

  it('says what is missing when nothing is given', async () => {
    const failure = await expectTypedFailure(
      command,
      name === 'rollback' ? { target: 'process', 'state-dir': state } : {},
    )
    expect(failure.message.length).toBeGreaterThan(10)
  })

  it.each(fields.map((field) => field.name).filter((field) => !free.includes(field)))(
    'names %s when it is malformed',
    async (field) => {
      const words = malformed[field]
      if (words === undefined)
        throw new Error(`this test has no malformed value for the input ${field} of ${name}: add one`)
      for (const word of words) {
        const failure = await expectTypedFailure(command, { ...inputs(), [field]: word })
        const named = [failure.field, failure.message].join(' ')
        expect({ word, named }).toEqual({
          word,
          named: expect.stringContaining(
            field === 'registry-username' ? 'registry-password' : field === 'run' ? 'run' : field,
          ),
        })
      }
    },
  )

  it('reports several wrong inputs at once', async () => {
    const [first, second] = fields
      .map((field) => field.name)
      .filter(
        (field) =>
          malformed[field] !== undefined &&
          [
            'deadline',
            'successes',
            'artifact',
            'service',
            'mode',
            'backup',
            'environment',
            'app',
            'force',
            'listen',
          ].includes(field),
      )
    if (first === undefined || second === undefined) throw new Error(`${name} has fewer than two fields to get wrong`)
    const failure = await expectTypedFailure(command, {
      ...inputs(),
      [first]: malformed[first]?.[0] ?? '',
      [second]: malformed[second]?.[0] ?? '',
    })
    expect(failure.message).toContain(first)
    expect(failure.message).toContain(second)
  })

  it('changes nothing on the target', async () => {
    const left = await readdir(join(state, 'apps', 'shop', 'production')).catch(() => [])
    expect(left.filter((entry) => ['slots', 'releases', 'router', 'ledger'].includes(entry))).toEqual([])
  })
})

describe('contradictions', () => {
  it.each([
    ['deploy-bluegreen', { force: 'true' }, 'reason'],
    ['rollback', { force: 'true' }, 'reason'],
    ['deliver', { force: 'true' }, 'reason'],
    ['migrate', { backup: 'none' }, 'reason'],
    ['migrate', { mode: 'revert' }, 'migration'],
    ['build-scan', { image: 'ghcr.io/acme/shop' }, 'image'],
    ['deploy-bluegreen', { router: 'haproxy' }, 'router'],
    ['build-scan', { 'registry-password': 'x' }, 'registry-username'],
  ])('%s %j names %s', async (name, more, field) => {
    const { command, inputs } = sound[name] as (typeof sound)[string]
    const failure = await expectTypedFailure(command, { ...inputs(), ...(more as Record<string, string>) })
    expect([failure.field, failure.message].join(' ')).toContain(field)
  })
})

describe('the configuration file', () => {
  const files: readonly (readonly [string, string, string, string])[] = [
    ['is not YAML', 'a: [1', 'CONFIG_UNREADABLE', 'config'],
    ['is 10 MB long', `app: ${'x'.repeat(10_000_000)}`, 'CONFIG_UNREADABLE', 'larger than'],
    ['has a key twice', 'app: a\napp: b', 'CONFIG_UNREADABLE', 'unique'],
    ['has an unknown key', 'strategie: canary', 'CONFIG_INVALID', 'strategy'],
    [
      'has an unknown key in an environment',
      'environments: { production: { stepz: [5, 100] } }',
      'CONFIG_INVALID',
      'steps',
    ],
    ['has an unknown key in a service', 'services: { web: { prt: 3000 } }', 'CONFIG_INVALID', 'port'],
    ['is a list', '- a', 'CONFIG_INVALID', 'the file'],
    [
      'is an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((key, at) => `${key}: &${key} [${`*${'abcdefghi'[at]},`.repeat(9)}]`)
        .join('\n')}`,
      'CONFIG_',
      'switchyard.yml',
    ],
    ['has a wrong unit', 'bake: 10', 'INPUT_INVALID', 'bake'],
    ['has a wrong port', 'services: { web: { port: 99999 } }', 'CONFIG_INVALID', 'services.web.port'],
  ]

  it.each(files)('%s', async (_what, text, code, named) => {
    await mkdir(join(workspace, '.github'), { recursive: true })
    await writeFile(join(workspace, '.github', 'switchyard.yml'), text)
    const { command, inputs } = sound['deploy-bluegreen'] as (typeof sound)[string]
    const failure = await expectTypedFailure(command, inputs())
    await rm(join(workspace, '.github'), { recursive: true })
    expect(failure.code).toContain(code)
    expect([failure.field, failure.message].join(' ')).toContain(named)
  })
})

describe('fuzz', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      '',
      ' ',
      '\0',
      '[',
      '{',
      '{"a":1}',
      '[1,2]',
      '5s',
      '100',
      'true',
      '__proto__=1',
      'A=B',
      '-1',
      '1e309',
      '\u202e',
      '%00',
      '../..',
      "'; --",
      '$(id)',
      '`id`',
    ),
  )
  const runs = Number(process.env['FUZZ_RUNS'] ?? 10_000)

  it('inputs never meet an unhandled error', () => {
    const all = Object.values(definitions)
    const some = fc.tuple(
      fc.nat(all.length - 1),
      fc.dictionary(
        fc.constantFrom(...new Set(all.flatMap((each) => fieldsOf(each).map((field) => field.name)))),
        hostile,
        { maxKeys: 6 },
      ),
    )
    fc.assert(
      fc.property(some, ([at, texts]) => {
        try {
          readInputs(all[at] as typeof deployAction, (name) => (Object.hasOwn(texts, name) ? (texts[name] ?? '') : ''))
        } catch (thrown) {
          if (!(thrown instanceof Failure) || thrown.code === 'INTERNAL') throw thrown
        }
      }),
      { numRuns: runs },
    )
  })

  it('configuration files never meet an unhandled error', async () => {
    const keys = fc.constantFrom(
      'app',
      'services',
      'environments',
      'bake',
      'steps',
      'routes',
      'env',
      'migrate',
      'production',
      'web',
      'port',
      '__proto__',
      'constructor',
      'checks',
    )
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 3 },
        hostile,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(keys, tie('node'), { maxKeys: 4 }),
      ),
    })).node
    const text = fc.oneof(
      tree.map((value) => JSON.stringify(value) ?? ''),
      hostile,
      fc.string({ unit: fc.constantFrom(...'abc:-[]{}&*!|>%@`#,? \n\t"\''), maxLength: 60 }),
    )
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        try {
          await parseConfig(given, 'switchyard.yml')
        } catch (thrown) {
          if (!(thrown instanceof Failure) || thrown.code === 'INTERNAL') throw thrown
        }
      }),
      { numRuns: runs },
    )
  }, 120_000)
})
