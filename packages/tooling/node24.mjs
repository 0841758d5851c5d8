// Runs a TypeScript file with Node 24, which strips the types itself. Plain JavaScript that any Node from 20 on understands.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The path of a Node of version 24 or later: this one, or the one that `npm ci` brought. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  const bundled = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  return existsSync(bundled) ? bundled : undefined
}

const node = findNode()
const [file, ...rest] = process.argv.slice(2)

if (!node || !file) {
  console.error(
    file
      ? `Node 24 is needed; this is Node ${process.versions.node}. Run "npm ci" first (it brings Node 24 on Linux x64 and arm64), or install Node 24.`
      : 'usage: node packages/tooling/node24.mjs FILE.ts [ARGUMENTS]',
  )
  process.exit(1)
}

const child = spawn(node, [file, ...rest], {
  stdio: 'inherit',
  env: { ...process.env, PATH: [dirname(node), process.env.PATH].filter(Boolean).join(delimiter) },
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the whole group: the child has it already, and a second one would mean "at once".
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    child.kill(signal)
  })
}

child.on('error', (error) => {
  console.error(`cannot start ${node}: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)))
