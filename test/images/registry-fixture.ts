import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The only user of the registry; the hash is bcrypt of the password, as htpasswd -B makes it. */
export const registryLogin = { username: 'bob', password: 'hunter2hunter2' } as const
const passwordHash = '$2y$05$Bxu9Fqfbds15.otyoMPCruyBcA5i2UBbkTw3xNU0PwQD1CeXTezTe'

/** A real registry on loopback that wants a login. */
export interface Registry {
  /** `127.0.0.1:PORT` */
  readonly address: string
  /** A manifest as the registry has it, asked for by tag or digest. */
  manifest(repository: string, reference: string): Promise<Response>
  stop(): Promise<void>
}

/** Starts Debian's docker-registry on a free port. */
export async function startRegistry(): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-registry-'))
  const passwords = join(folder, 'htpasswd')
  await writeFile(passwords, `${registryLogin.username}:${passwordHash}\n`)
  const configuration = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: '127.0.0.1:0', secret: 'test' },
    auth: { htpasswd: { realm: 'test', path: passwords } },
  }
  // JSON is YAML.
  await writeFile(join(folder, 'registry.yml'), JSON.stringify(configuration))

  const child = spawn('docker-registry', ['serve', join(folder, 'registry.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  let log = ''
  const address = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the registry did not start: ${log}`)), 10_000)
    child.once('error', reject)
    child.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-20_000)
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(log)?.[1]
      if (found === undefined) return
      clearTimeout(timer)
      resolve(found)
    })
  }).catch(async (thrown: unknown) => {
    await stop()
    throw thrown
  })

  const authorization = `Basic ${Buffer.from(`${registryLogin.username}:${registryLogin.password}`).toString('base64')}`
  const accept = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json'
  const manifest = (repository: string, reference: string) =>
    fetch(`http://${address}/v2/${repository}/manifests/${reference}`, {
      headers: { authorization, accept },
      signal: AbortSignal.timeout(5000),
    })
  return { address, manifest, stop }
}
