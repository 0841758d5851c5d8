import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './root.ts'

// The flags are given to node, not by NODE_OPTIONS: jest hands them to its workers, and programs that tests start do not get them.
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js')

const child = spawn(process.execPath, [...flags, jest, ...process.argv.slice(2)], { stdio: 'inherit', cwd: root })

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, () => child.kill(signal))
child.on('exit', (code) => process.exit(code ?? 1))
