import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asFailure } from '#kernel'
import type { Failure, Shell } from '#kernel'
import { localShell } from '#runner'
import { carryProject } from '../../packages/targets/compose/carry.ts'
import type { Carried, CarryInputs } from '../../packages/targets/compose/carry.ts'
import { describeWith } from '../components/require.ts'
import { noWishes, writeProject } from './compose-world.ts'

const digest = `sha256:${'ab'.repeat(32)}`
const other = `sha256:${'cd'.repeat(32)}`

describeWith('compose', 'the project of a checkout', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sy-'))
  })
  afterEach(() => {
    delete process.env['VALUE']
    return rm(folder, { recursive: true, force: true })
  })

  const carry = (text: string, more: Partial<CarryInputs> = {}, files: Record<string, string> = {}): Promise<Carried> =>
    writeProject(folder, { 'compose.yaml': text, ...files }).then(() =>
      carryProject(localShell(), { ...noWishes, workspace: folder, refs: { web: `acme/shop@${digest}` }, ...more }),
    )
  const settings = { health: '/health', instances: 1, overlap: 'allow', env: {} } as const

  test('services of the release are found by name, by repository, and by what the file builds', async () => {
    const byName = await carry('services: {web: {image: x}, db: {image: acme/db}}')
    expect(byName.services.map(({ name }) => name)).toEqual(['web'])
    const byImage = await carry(
      'services: {app: {image: "acme/shop:${TAG:-1}"}, job: {image: acme/shop}, db: {image: acme/db}}',
    )
    expect(byImage.services.map(({ name, ref }) => [name, ref])).toEqual([
      ['app', `acme/shop@${digest}`],
      ['job', `acme/shop@${digest}`],
    ])
    const byBuild = await carry('services: {app: {build: .}, db: {image: acme/db}}', { refs: { web: digest } })
    expect(byBuild.services.map(({ name }) => name)).toEqual(['app'])
    await expect(carry('services: {db: {image: acme/db}}')).rejects.toMatchObject({ code: 'INPUT_CONFLICT' })
    const refs = { web: `acme/shop@${digest}`, api: `acme/api@${other}` }
    await expect(carry('services: {web: {image: x}}', { refs })).rejects.toMatchObject({
      code: 'INPUT_CONFLICT',
      message: expect.stringContaining('api'),
    })
  })

  test('the service whose port is published is at the front, at the port that the file says', async () => {
    const { services, listen } = await carry(`
services:
  api: { image: acme/shop, expose: ['4000'] }
  web: { image: acme/shop, ports: ['127.0.0.1:8080:3000'], deploy: { replicas: 3 } }`)
    expect(services.map(({ name, routed, instances }) => [name, routed?.port, instances])).toEqual([
      ['web', 3000, 3],
      ['api', undefined, 1],
    ])
    expect(listen).toEqual({ address: '127.0.0.1', port: 8080 })
  })

  test('the configuration file decides which services are replaced; one that is no build of ours needs a digest', async () => {
    const text = `services: {web: {image: x, ports: ['80:3000']}, nginx: {image: "nginx@${other}"}, worker: {image: x}}`
    const services = { web: settings, nginx: { ...settings, port: 80 } }
    const carried = await carry(text, { services })
    expect(carried.services.map(({ name, ref }) => [name, ref])).toEqual([
      ['web', `acme/shop@${digest}`],
      ['nginx', `nginx@${other}`],
    ])
    await expect(carry(text, { services: { ...services, worker: settings } })).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      hint: expect.stringContaining('digest'),
    })
    await expect(carry(text, { services: { ...services, wrong: settings } })).rejects.toMatchObject({
      code: 'INPUT_CONFLICT',
      message: expect.stringContaining('wrong'),
    })
  })

  test('what cannot be had twice is named with its line and the way out, all at once', async () => {
    const failure = carry(
      `services:
  web:
    image: acme/shop
    container_name: web
    ports: ['80:3000', '9090:9090']
    depends_on: [migrate, db]
    links: ['db:database']
    networks: { default: { ipv4_address: 10.1.2.3 } }
    volumes: ['.:/app']
  worker:
    image: acme/shop
    network_mode: host
  migrate:
    image: acme/shop
    volumes_from: [db]
  db:
    image: acme/db
    container_name: db
    volumes: ['.:/here']
  proxy:
    image: acme/proxy
    depends_on: [web]
  tools:
    build: ./tools
`,
      { services: { web: settings, worker: settings, migrate: settings } },
      { 'main.js': 'x' },
    )
    await expect(failure).rejects.toMatchObject({ code: 'COMPOSE_UNSUPPORTED', field: 'compose-file' })
    const { message, hint } = (await failure.catch((thrown: unknown) => thrown)) as Failure
    const said = [
      'compose.yaml:4: service web: container_name web cannot be had twice',
      'service web: host port 9090 (to 9090) cannot be had twice',
      'compose.yaml:7: service web: link db:database gives another name',
      'service web: ipv4_address in network default cannot be had twice',
      'compose.yaml:12: service worker: network_mode host',
      'service migrate: volumes_from ties it to one container',
      'service proxy: stays while web is replaced, and needs it (depends_on)',
      'service tools: is built by the file, and the release has no image of it',
      'service web: ./. has files of the checkout and is written to',
      'service db: stays, and mounts the whole checkout',
    ]
    for (const each of said) expect(message).toContain(each)
    expect(message).not.toContain('container_name db')
    expect(hint).toContain('Remove container_name.')
    expect(hint).toContain(':ro')
  })

  test('a service that runs once before another is refused', async () => {
    const text = `services:
  web: { image: acme/shop, depends_on: { migrate: { condition: service_completed_successfully } } }
  migrate: { image: acme/shop }`
    await expect(carry(text)).rejects.toMatchObject({
      code: 'COMPOSE_UNSUPPORTED',
      message: expect.stringContaining('service migrate: runs once'),
    })
  })

  test('a file that compose cannot read has a code of its own, in the words of compose', async () => {
    for (const [text, words] of [
      ['services: {a: [', 'line 1'],
      ['services: {web: {image: x, bogus: 1}}', 'bogus'],
      ['services: {web: {image: "x${NEEDED:?give it}"}}', 'give it'],
      ['services: {web: {image: x, depends_on: [nobody]}}', 'nobody'],
    ] as const) {
      await expect(carry(text)).rejects.toMatchObject({
        code: 'COMPOSE_INVALID',
        message: expect.stringContaining(words),
      })
    }
    await rm(join(folder, 'compose.yaml'))
    const asked = { ...noWishes, workspace: folder, refs: { web: digest } }
    await expect(carryProject(localShell(), asked)).rejects.toMatchObject({
      code: 'COMPOSE_INVALID',
      hint: expect.stringContaining('compose-file'),
    })
    await expect(carryProject(localShell(), { ...asked, files: ['no/such.yaml'] })).rejects.toMatchObject({
      code: 'COMPOSE_INVALID',
    })
  })

  test('the same project in another folder, with another tag, is the same content; another setting is not', async () => {
    const text =
      'name: shop\nservices: {web: {image: "acme/shop:${TAG}", environment: {A: "${A:-1}"}, volumes: ["./f:/f:ro"]}}'
    const files = { f: 'text' }
    const first = await carry(text, { variables: { TAG: '1' } }, files)
    const elsewhere = await mkdtemp(join(tmpdir(), 'sy-'))
    try {
      await writeProject(elsewhere, { 'compose.yaml': text, ...files })
      const inputs = { ...noWishes, workspace: elsewhere, refs: { web: `acme/shop@${digest}` } }
      const second = await carryProject(localShell(), { ...inputs, variables: { TAG: '2' } })
      expect(second.content).toBe(first.content)
      const third = await carryProject(localShell(), { ...inputs, variables: { TAG: '2', A: '2' } })
      expect(third.content).not.toBe(first.content)
      await writeFile(join(elsewhere, 'f'), 'other')
      const fourth = await carryProject(localShell(), { ...inputs, variables: { TAG: '2' } })
      expect(fourth.content).not.toBe(first.content)
    } finally {
      await rm(elsewhere, { recursive: true, force: true })
    }
  })

  test('files, configs and secrets travel; what is written to does not, and what is too much is refused', async () => {
    const text = `
services:
  web:
    image: acme/shop
    volumes: ['./conf:/conf:ro', './one.txt:/one.txt', './uploads:/uploads', './new:/new', '/etc/hosts:/h:ro']
    secrets: [file, value]
    configs: [inline]
secrets: { file: { file: ./secret.txt }, value: { environment: VALUE } }
configs: { inline: { content: "say $\${it} \${VALUE}" } }
`
    const files = { 'conf/a': 'a', 'conf/b/c': 'c', 'one.txt': '1', 'uploads/.gitkeep': '', 'secret.txt': 's' }
    await writeProject(folder, files)
    await chmod(join(folder, 'conf/a'), 0o755)
    const { project } = await carry(text, { variables: { VALUE: 'a$b"c' } })
    const texts = Object.fromEntries(project.files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]))
    expect(texts).toEqual({
      ...{ 'conf/a': 'a', 'conf/b/c': 'c', 'one.txt': '1', 'secret.txt': 's' },
      ...{ '.switchyard-values/secrets/value': 'a$b"c', '.switchyard-values/configs/inline': 'say ${it} a$b"c' },
    })
    expect(project.files.find(({ path }) => path === 'conf/a')?.mode).toBe(0o755)
    expect(project.model.services['web']?.volumes?.map(({ source }) => source)).toEqual([
      ...['switchyard-own:conf', 'switchyard-own:one.txt', 'switchyard-shared:uploads', 'switchyard-shared:new'],
      '/etc/hosts',
    ])
    expect(JSON.stringify(project.model)).not.toContain(folder)

    await expect(carry(text)).rejects.toMatchObject({
      code: 'COMPOSE_INVALID',
      message: expect.stringContaining('VALUE'),
    })
    process.env['VALUE'] = 'v'

    await symlink('/etc', join(folder, 'conf', 'out'))
    await expect(carry(text)).rejects.toMatchObject({
      code: 'COMPOSE_UNSUPPORTED',
      message: expect.stringContaining('out'),
    })
    await rm(join(folder, 'conf', 'out'))
    await writeFile(join(folder, 'conf', 'big'), Buffer.alloc(17 * 1024 * 1024))
    await expect(carry(text)).rejects.toMatchObject({
      code: 'COMPOSE_UNSUPPORTED',
      message: expect.stringContaining('16 MiB'),
    })
  })

  test('what lies beside the checkout is this machine’s alone: refused for a project that runs elsewhere', async () => {
    const text = `
services:
  web:
    image: acme/shop
    volumes: ['~/data:/data', '../beside:/beside', './conf:/conf:ro', '/srv/uploads:/uploads', 'named:/named']
    secrets: [pass]
secrets: { pass: { file: ~/pass.txt } }
volumes: { named: {} }
`
    await writeProject(folder, { 'conf/a': 'a' })
    expect((await carry(text)).services).toHaveLength(1)
    const failure = await carry(text, { isElsewhere: true }).then(() => null, asFailure)
    expect(failure).toMatchObject({ code: 'COMPOSE_UNSUPPORTED', hint: expect.stringContaining('absolute path') })
    expect(failure?.message.match(/compose.yaml:\d+: service web: (\S+) is outside of the checkout/g)).toEqual([
      'compose.yaml:5: service web: ~/data is outside of the checkout',
      'compose.yaml:5: service web: ../beside is outside of the checkout',
      'compose.yaml:6: service web: ~/pass.txt is outside of the checkout',
    ])
  })

  test('services with a published port each have a front each; the page by the lowest port is the first', async () => {
    const text = `
services:
  api: { image: acme/shop, ports: ['127.0.0.1:4000:4000'] }
  web: { image: acme/shop, ports: ['80:3000'] }
  worker: { image: acme/shop }
`
    const told = await carry(text, {
      services: { api: settings, web: settings, worker: settings },
      refs: { web: digest, api: digest, worker: digest },
    })
    expect(told.listen).toEqual({ address: '127.0.0.1', port: 4000 })
    const found = await carry(text, { refs: { web: digest, api: digest, worker: digest } })
    expect(found.listen).toEqual({ address: '0.0.0.0', port: 80 })
    expect(found.listens).toEqual({ api: { address: '127.0.0.1', port: 4000 } })
    expect(found.services.map(({ name, routed }) => [name, routed?.listen])).toEqual([
      ['web', undefined],
      ['api', 4000],
      ['worker', undefined],
    ])
    const twice = carry(text.replace("['80:3000']", "['80:3000', '443:3443']"), { refs: { web: digest, api: digest } })
    await expect(twice).rejects.toMatchObject({
      code: 'COMPOSE_UNSUPPORTED',
      message: expect.stringContaining('host port 443 (to 3443)'),
    })
    const configured = { services: { web: { ...settings, port: 3000, listen: 8080 } }, refs: { web: digest } }
    await expect(carry(text, configured)).rejects.toMatchObject({ code: 'INPUT_CONFLICT', field: 'services' })
  })

  test('variables that nobody set are told; those that compose itself obeys are not passed on', async () => {
    const { warnings, project } = await carry('services: {web: {image: x, environment: {A: "${NOBODY}"}}}', {
      variables: { COMPOSE_FILE: '/nowhere', PATH: '/nowhere', COMPOSE_PROJECT_NAME: 'hijack' },
    })
    expect(warnings).toEqual([expect.stringContaining('${NOBODY}')])
    expect(project.model.name).not.toBe('hijack')
  })

  test('profiles and several files are as compose has them', async () => {
    const text = 'services: {web: {image: x}, extra: {image: y, profiles: [more]}}'
    const more = { 'deploy/extra.yaml': 'services: {web: {environment: {A: "1"}}}' }
    expect(Object.keys((await carry(text)).project.model.services)).toEqual(['web'])
    const carried = await carry(text, { profiles: ['more'], files: ['compose.yaml', 'deploy/extra.yaml'] }, more)
    expect(Object.keys(carried.project.model.services).sort()).toEqual(['extra', 'web'])
    expect(carried.project.model.services['web']?.environment).toEqual({ A: '1' })
  })

  test('a docker without compose, or with an old one, is said before anything else', async () => {
    const bin = join(folder, 'bin')
    await mkdir(bin)
    const shell = (script: string): Shell => {
      const local = localShell()
      return {
        ...local,
        async run(command, signal) {
          // Two are run at once: one is not to write what the other runs.
          const fresh = join(bin, `docker-${randomUUID()}`)
          await writeFile(fresh, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
          await rename(fresh, join(bin, 'docker'))
          return local.run({ ...command, env: { ...command.env, PATH: `${bin}:/usr/bin:/bin` } }, signal)
        },
      }
    }
    const asked = { ...noWishes, workspace: folder, refs: { web: digest } }
    for (const script of [
      'echo "docker: \'compose\' is not a docker command." >&2; exit 1',
      'echo 2.17.3',
      'echo v1.29.2',
    ]) {
      await expect(carryProject(shell(script), asked)).rejects.toMatchObject({ code: 'COMPOSE_MISSING' })
    }
    await expect(carryProject(shell('[ "$2" = version ] && echo v5.0.1 || exit 9'), asked)).rejects.toMatchObject({
      code: 'COMPOSE_INVALID',
    })
  })
})
