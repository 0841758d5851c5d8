import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './docker.ts'
import type { RemoteHost } from './remote-host.ts'

/** Runs words in the login shell of a test host, over a connection of their own, as somebody would by hand. @throws Error as `command` */
export async function overSsh(
  { folder, sshd }: RemoteHost,
  words: readonly string[],
  { user = 'root', timeoutMs = 10_000 } = {},
): Promise<string> {
  const [known, key] = [join(folder, 'known-by-hand'), join(folder, 'key-by-hand')]
  await writeFile(known, sshd.knownHosts)
  await writeFile(key, sshd.key, { mode: 0o600 })
  const options = [`UserKnownHostsFile=${known}`, 'ConnectTimeout=5', 'BatchMode=yes'].flatMap((each) => ['-o', each])
  return command(['ssh', '-F', 'none', '-i', key, ...options, sshd.address(user), ...words], { timeoutMs })
}
