import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { missingFrom, type Lock } from '../lock-file.ts'
import { root } from '../root.ts'
import type { Check } from './check.ts'

/** The lock file names no registry (a team may use its own), has checksums, and npm ci accepts it on every platform. */
export const lock: Check = {
  name: 'lock',
  run: async () => {
    const file = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock
    const missing = missingFrom(file).map(
      ({ name }) => `package-lock.json: lacks the optional ${name} (node packages/tooling/complete-lock.ts)`,
    )
    return [...missing, ...Object.entries(file.packages).flatMap(([name, locked]) => judge(name, locked))]
  },
}

function judge(name: string, { resolved, integrity, link, optional, os }: Lock['packages'][string]): readonly string[] {
  if (resolved?.startsWith('http')) return [`package-lock.json: ${name} has "resolved": "${resolved}"`]
  // Packages of platforms that the registry did not hand out when the lock file was made have none.
  const foreign = optional === true && os !== undefined
  return name === '' || link || integrity || foreign ? [] : [`package-lock.json: ${name} has no checksum`]
}
