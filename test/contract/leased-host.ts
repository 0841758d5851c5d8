import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { host as openHost, hostLease } from '#hosts'
import type { Host, Lease, Shell } from '#kernel'
import { localShell } from '#runner'

export const ttlMs = 600_000

/** This machine, or the one behind a shell, as a host whose lease we hold, its state below a folder of the test's own. */
export async function leasedHost(folder: string, shell?: Shell): Promise<{ host: Host; runner: Shell; lease: Lease }> {
  const runner = localShell()
  const root = join(folder, 'state')
  await mkdir(root, { recursive: true })
  const host = await openHost({ shell: shell ?? runner, root, app: 'shop', environment: 'test', name: 'this machine' })
  const lease = hostLease(host)
  await lease.acquire('test', ttlMs)
  return { host, runner, lease }
}
