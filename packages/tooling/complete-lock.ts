// node packages/tooling/complete-lock.ts, after npm install: npm ci refuses a lock file that lacks an optional package, and npm
// leaves out those of other platforms where the registry (a mirror, say) does not hand them out. They are named without a
// checksum, as nobody looked at them; npm never downloads them on this platform.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missingFrom, type Lock } from './lock-file.ts'
import { root } from './root.ts'

const path = join(root, 'package-lock.json')
const lock = JSON.parse(readFileSync(path, 'utf8')) as Lock

const missing = missingFrom(lock)
for (const { name, version } of missing) {
  lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), dev: true, optional: true }
  console.log(`added ${name} ${version}`)
}
if (missing.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1)))
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
}

/** Such packages carry their platform in their name: resolver-binding-linux-arm64-musl. */
function platformOf(name: string): { cpu?: string[]; os?: string[]; libc?: string[] } {
  const words = name.split(/[/-]/)
  const os = words.find((word) => ['darwin', 'linux', 'win32', 'freebsd', 'android', 'openharmony'].includes(word))
  const cpu = words.find((word) =>
    ['arm64', 'arm', 'x64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x'].includes(word),
  )
  const libc = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }[words.at(-1) ?? '']
  return { ...(cpu ? { cpu: [cpu] } : {}), ...(os ? { os: [os] } : {}), ...(libc ? { libc: [libc] } : {}) }
}
