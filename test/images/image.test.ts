import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { imageBuilder, workbench } from '#images'
import type { ImageOptions } from '#images'
import type { Command, Workbench } from '#kernel'
import { docker } from '../components/docker.ts'
import { available } from '../components/engine.ts'
import { describeWith } from '../components/require.ts'
import { plainShell } from './plain-shell.ts'
import { registryLogin, startRegistry } from './registry-fixture.ts'
import type { Registry } from './registry-fixture.ts'
import { calm, memoryTranscript, testClock } from './workbench-fixture.ts'

let base = ''
let context = ''
let host = ''

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'switchyard-image-'))
  context = join(base, 'shop')
  for (const folder of [context, join(base, 'temporary'), join(base, 'home')]) mkdirSync(folder)
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY server.js /\nCMD ["/server.js"]\n')
  // Its own content each time: what is built is not what another test has pushed.
  writeFileSync(join(context, 'server.js'), randomUUID())
})

afterEach(() => rm(base, { recursive: true, force: true }))

/** A builder with everything it runs kept. The user's own Docker configuration is an empty folder. */
function builder(
  options: Partial<ImageOptions> = {},
  engine = host,
  change: (bench: Workbench) => Workbench = (bench) => bench,
) {
  const environment = {
    PATH: process.env['PATH'],
    HOME: join(base, 'home'),
    DOCKER_CONFIG: join(base, 'home'),
    DOCKER_HOST: engine,
  }
  const transcript = memoryTranscript()
  const shell = plainShell(environment)
  const watched: Omit<Command, 'stdin'>[] = []
  const real = change(workbench({ environment, transcript, clock: testClock }))
  const bench: Workbench = { run: (command, ...rest) => (watched.push(command), real.run(command, ...rest)) }
  const all = {
    workbench: bench,
    shell,
    context,
    dockerfile: '',
    image: '',
    login: null,
    app: 'shop',
    temporary: join(base, 'temporary'),
    ...options,
  }
  return { build: () => imageBuilder(all).build(calm), shell, watched, transcript }
}

function leavesNothing(): void {
  expect(readdirSync(join(base, 'temporary'))).toEqual([])
  const kept = readdirSync(join(base, 'home'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  for (const file of kept) expect(readFileSync(join(file.parentPath, file.name), 'utf8')).not.toMatch(/auths|hunter2/)
}

test.each([
  'shop',
  'ghcr.io/acme/shop:1',
  'ghcr.io/acme/shop@sha256:00',
  'ghcr.io/Acme/shop',
  'ghcr.io/acme/',
  '-x/y',
  'a b/c',
  `a/${'b'.repeat(300)}`,
  'a.test:5000',
])('the name %s is refused before anything is built', async (image) => {
  const { build, shell, watched } = builder({ image }, 'unix:///nowhere.sock')
  await expect(build()).rejects.toMatchObject({ code: 'INPUT_INVALID', field: 'image' })
  expect([...shell.commands, ...watched]).toEqual([])
})

describeWith('docker', 'an image built by the engine', () => {
  beforeAll(async () => {
    const engine = await available()
    if (engine.ok) host = engine.host
  })

  test('without a registry is named by its ID, and says that it is good for this engine only', async () => {
    const { build, transcript } = builder()
    const { ref, kind, warnings } = await build()
    expect(kind).toBe('image')
    expect(ref).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(warnings).toEqual([expect.stringContaining("this machine's engine only")])
    expect(await docker(['image', 'inspect', '--format', '{{.Id}} {{.RepoTags}}', ref], { host })).toBe(
      `${ref} [switchyard/shop:${ref.slice(7, 31)}]`,
    )
    expect(transcript.groups).toEqual([
      { title: `docker build ${context}`, text: expect.stringContaining('COPY server.js'), isClosed: true },
    ])
    leavesNothing()
    await docker(['image', 'rm', '--force', ref], { host })
  })

  test.each([
    ['names a file that is not there', 'FROM scratch\nCOPY gone /\n', 'gone'],
    ['is none', 'HELLO\n', 'HELLO'],
  ])('from a Dockerfile that %s fails with its last lines', async (_, text, said) => {
    writeFileSync(join(context, 'Dockerfile'), text)
    const failure = { code: 'BUILD_FAILED', field: 'dockerfile', hint: expect.stringContaining(said) }
    await expect(builder().build()).rejects.toMatchObject(failure)
    leavesNothing()
  })

  test('by another Dockerfile; a context that looks like an option is a folder', async () => {
    writeFileSync(join(context, 'Other'), 'FROM scratch\nCOPY server.js /other\n')
    const { ref } = await builder({ dockerfile: join(context, 'Other') }).build()
    expect(await docker(['image', 'inspect', '--format', '{{.Config.Cmd}}', ref], { host })).toBe('[]')
    await docker(['image', 'rm', '--force', ref], { host })
    await expect(builder({ context: '--squash' }).build()).rejects.toMatchObject({ code: 'BUILD_FAILED' })
  })

  test('needs an engine', async () => {
    await expect(builder({}, `unix://${base}/nowhere.sock`).build()).rejects.toMatchObject({ code: 'DOCKER_MISSING' })
    leavesNothing()
  })
})

describeWith('docker', 'with a registry', () => {
  describeWith('docker-registry', 'that wants a login', () => {
    let registry: Registry

    beforeAll(async () => {
      const engine = await available()
      if (engine.ok) host = engine.host
      registry = await startRegistry()
    })

    afterAll(async () => {
      await registry.stop()
      const left = await docker(
        ['image', 'ls', '--quiet', '--no-trunc', '--filter', `reference=${registry.address}/*/*`],
        { host },
      )
      for (const id of new Set(left.split('\n').filter((each) => each !== '')))
        await docker(['image', 'rm', '--force', id], { host })
    })

    const image = () => `${registry.address}/acme/shop`

    test('the image is pushed, and named by the digest that the registry has', async () => {
      const { build, shell, watched } = builder({ image: image(), login: registryLogin })
      const { ref, warnings } = await build()
      const [name, digest = ''] = ref.split('@')
      expect(name).toBe(image())
      expect(warnings).toEqual([])
      const answer = await registry.manifest('acme/shop', digest)
      const manifest = Buffer.from(await answer.arrayBuffer())
      expect(`sha256:${createHash('sha256').update(manifest).digest('hex')}`).toBe(digest)
      const id = await docker(['image', 'inspect', '--format', '{{.Id}}', ref], { host })
      expect(JSON.parse(manifest.toString()).config.digest).toBe(id)
      expect(
        JSON.stringify([...shell.commands, ...watched].map((command) => [command.argv, command.env])),
      ).not.toContain(registryLogin.password)
      leavesNothing()

      // The same again is the same again.
      expect((await builder({ image: image(), login: registryLogin }).build()).ref).toBe(ref)
      await docker(['image', 'rm', '--force', id], { host })
    })

    test.each([
      [
        'a wrong password',
        { username: 'bob', password: 'wrong-password' },
        { code: 'BUILD_FAILED', field: 'registry-password' },
      ],
      [
        'no login',
        null,
        { code: 'BUILD_FAILED', field: 'image', hint: expect.stringContaining('no basic auth credentials') },
      ],
    ])('%s is refused, and nothing stays behind', async (_, login, failure) => {
      const thrown: unknown = await builder({ image: image(), login })
        .build()
        .catch((each: unknown) => each)
      expect(thrown).toMatchObject(failure)
      expect(String(thrown)).not.toContain('wrong-password')
      leavesNothing()
    })

    test('a digest that is not the image we built is never given on', async () => {
      const other = (await builder({ image: image(), login: registryLogin }).build()).ref.split('@')[1] ?? ''
      writeFileSync(join(context, 'server.js'), 'another')
      const lying = (bench: Workbench): Workbench => ({
        async run(...call) {
          const result = await bench.run(...call)
          return { ...result, stdout: result.stdout.replaceAll(/digest: sha256:[0-9a-f]{64}/g, `digest: ${other}`) }
        },
      })
      await expect(builder({ image: image(), login: registryLogin }, host, lying).build()).rejects.toMatchObject({
        code: 'BUILD_FAILED',
        message: expect.stringContaining('not the image'),
      })
      leavesNothing()
    })
  })
})

describe('the engine', () => {
  test('that does not answer is named as such', async () => {
    await expect(builder({}, `unix://${base}/nowhere.sock`).build()).rejects.toMatchObject({
      code: 'DOCKER_MISSING',
      hint: expect.stringContaining('artifact: folder'),
    })
  })
})
