import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Event } from '#kernel'
import type { ActionResult, ActionSession } from '#runner'
import { readSettings } from '#suite'
import { deployCommand } from '../../actions/deploy-bluegreen/command.ts'
import { action as deployAction } from '../../actions/deploy-bluegreen/inputs.ts'
import { rollbackCommand } from '../../actions/rollback/command.ts'
import { action as rollbackAction } from '../../actions/rollback/inputs.ts'
import { docker } from '../components/docker.ts'
import { buildApplication, buildHaproxy, imageNames } from '../components/images.ts'
import { startRemoteHosts } from '../components/remote-host.ts'
import type { RemoteHost } from '../components/remote-host.ts'
import { sessionOf } from '../suite/session.ts'

const apps = join(import.meta.dirname, '..', 'apps', 'compose')
const run = promisify(execFile)
const slow = { timeoutMs: 120_000 }
const pace = { successes: '3', deadline: '40s', drain: '3s', bake: '0', target: 'compose' }
const pairs = (given: Readonly<Record<string, string>>) =>
  Object.entries(given)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')

export interface Told {
  readonly hosts?: readonly RemoteHost[]
  readonly env?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
  readonly inputs?: Readonly<Record<string, string>>
}

/** A checkout of one of the sample projects on a machine without an engine, and hosts that it is deployed to. */
export interface ComposeGround {
  readonly hosts: readonly RemoteHost[]
  readonly workspace: string
  readonly events: Event[]
  /** Images of the release, by service. */
  readonly images: Readonly<Record<string, string>>
  deploy(version: string, told?: Told): Promise<ActionResult>
  rollback(hosts?: readonly RemoteHost[]): Promise<ActionResult>
  /** The answer at a port of a host, from within it. */
  answer(host: RemoteHost, port: number, path?: string): Promise<Record<string, unknown>>
  /** On the first host, from a checkout of its own: the project as the team starts it by hand. */
  composeUp(variables: Readonly<Record<string, string>>): Promise<void>
  /** Id and start time of what runs a service that stays. */
  identity(host: RemoteHost, service: string): Promise<string>
  close(): Promise<void>
}

export async function composeGround(
  name: 'one' | 'many',
  services: readonly string[],
  count: number,
): Promise<ComposeGround> {
  const hosts = await startRemoteHosts(count)
  const folder = await mkdtemp(join(tmpdir(), 'sy-'))
  const workspace = join(folder, 'runner', 'shop')
  const engine = process.env['DOCKER_HOST']
  const close = async () => {
    if (engine === undefined) delete process.env['DOCKER_HOST']
    else process.env['DOCKER_HOST'] = engine
    await Promise.all(hosts.map((host) => host.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await cp(join(apps, name), workspace, { recursive: true })
    const image = await carryImages(name, hosts)
    // There is none on the machine that the run is on.
    process.env['DOCKER_HOST'] = `unix://${folder}/no-engine.sock`
    return ground(hosts, workspace, Object.fromEntries(services.map((service) => [service, image])), close)
  } catch (thrown) {
    await close()
    throw thrown
  }
}

async function carryImages(name: string, hosts: readonly RemoteHost[]): Promise<string> {
  const [first, ...others] = hosts
  if (first === undefined) throw new Error('at least one host')
  const tag = `switchyard-test/compose-${name}:1`
  const image = await buildApplication({ folder: join(apps, name, 'app'), tag, version: 'v0' }, { host: first.engine })
  await buildHaproxy({ host: first.engine })
  const archive = join(first.folder, 'images.tar')
  await docker(['save', '--output', archive, tag, imageNames.base, imageNames.haproxy], { host: first.engine, ...slow })
  for (const { engine, folder } of others) {
    await docker(['load', '--input', archive], { host: engine, ...slow })
    // One key opens them all, as in life.
    await copyFile(join(first.folder, 'user-key.pub'), join(folder, 'user-key.pub'))
  }
  return image
}

function ground(
  hosts: readonly RemoteHost[],
  workspace: string,
  images: Readonly<Record<string, string>>,
  close: () => Promise<void>,
): ComposeGround {
  let events: Event[] = []
  const session = (some: readonly RemoteHost[], inputs: Readonly<Record<string, string>>): ActionSession => {
    events = []
    const where = {
      ...{ app: 'shop', environment: 'test', 'router-image': imageNames.haproxy },
      ...{ 'ssh-key': hosts[0]?.sshd.key ?? '', 'known-hosts': hosts.map(({ sshd }) => sshd.knownHosts).join('') },
      hosts: some.map(({ sshd }) => sshd.address('deploy')).join('\n'),
    }
    return {
      ...sessionOf({ ...where, ...inputs }, { GITHUB_WORKSPACE: workspace }),
      ...{ signal: AbortSignal.timeout(90_000), tell: (event) => void events.push(event) },
    }
  }
  const timed = async (what: string, work: () => Promise<ActionResult>): Promise<ActionResult> => {
    const began = performance.now()
    const result = await work()
    console.log(`${what}: ${Math.round(performance.now() - began)} ms`)
    if (result.failure !== undefined) throw result.failure
    return result
  }
  return {
    ...{ hosts, workspace, images, close },
    get events() {
      return events
    },
    deploy: (version, { hosts: some = hosts, env = {}, secrets = {}, inputs = {} } = {}) =>
      timed(`deploy ${version}`, async () => {
        const release = JSON.stringify({ version, services: images })
        const own = session(some, { ...pace, release, env: pairs(env), secrets: pairs(secrets), ...inputs })
        return deployCommand(own, await readSettings(deployAction, own))
      }),
    rollback: (some = hosts) =>
      timed('rollback', async () => {
        const own = session(some, {})
        return rollbackCommand(own, await readSettings(rollbackAction, own))
      }),
    async answer({ within }, port, path = '/') {
      const [first, ...words] = [...within, 'curl', '-s', '--max-time', '5', `http://127.0.0.1:${port}${path}`]
      const { stdout } = await run(first ?? '', words, { timeout: 10_000 })
      return JSON.parse(stdout) as Record<string, unknown>
    },
    async composeUp(variables) {
      const [host] = hosts
      if (host === undefined) return
      const folder = join(host.folder, 'srv', 'shop')
      await cp(workspace, folder, { recursive: true })
      for (const image of Object.values(images)) await host.docker('tag', image, 'example/one:today')
      const words = ['docker', 'compose', 'up', '--detach', '--no-build', '--wait']
      await run(words[0] ?? '', words.slice(1), {
        cwd: folder,
        env: { ...process.env, ...variables, DOCKER_HOST: host.engine },
        timeout: slow.timeoutMs,
      })
    },
    async identity(host, service) {
      const id = await host.docker('ps', '--all', '--quiet', `--filter=label=com.docker.compose.service=${service}`)
      return host.docker('inspect', '--format={{.Id}} {{.State.StartedAt}} {{.State.Running}}', ...id.split('\n'))
    },
  }
}

/** Gives the user who deploys a compose of another version, or, without one, none; the way back is the answer. */
export async function otherCompose({ sshd }: RemoteHost, version: string | null): Promise<() => Promise<void>> {
  const path = join(sshd.homes, 'deploy', '.docker', 'cli-plugins', 'docker-compose')
  const metadata = JSON.stringify({ SchemaVersion: '0.1.0', Vendor: 'test', Version: version ?? '' })
  const script =
    version === null
      ? 'exit 1'
      : `[ "$1" = docker-cli-plugin-metadata ] && printf '%s' '${metadata}' || printf '%s\\n' '${version}'`
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return () => rm(join(sshd.homes, 'deploy', '.docker'), { recursive: true })
}
