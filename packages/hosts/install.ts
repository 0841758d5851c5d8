import { createHash } from 'node:crypto'
import { Failure } from '#kernel'
import type { Shell } from '#kernel'
import { hostCodes, hostProgram } from './program.ts'

// Words: the folder, the program's path, its size. Then it runs what it installed, which makes the state folder ready.
const install = `umask 077
fail() { printf 'switchyard-host: unready %s\\n' "$1" >&2; exit ${hostCodes.unready}; }
mkdir -p "$1" 2>/dev/null || fail "$1 cannot be made"
fresh=$2.$$
cat > "$fresh" 2>/dev/null || fail "$1 cannot be written"
[ "$(wc -c < "$fresh")" -eq "$3" ] || { rm -f "$fresh"; fail 'the program arrived in part'; }
mv -f "$fresh" "$2" || fail "$2 cannot be written"
exec sh "$2" ready "$4"`

/**
 * Puts the host program on the host under the name of its content, makes the state folder ready, and gives the program's path.
 * @throws Failure HOST_NOT_READY saying what is missing.
 */
export async function installProgram(shell: Shell, root: string, stateDir: string, name: string): Promise<string> {
  const digest = createHash('sha256').update(hostProgram).digest('hex').slice(0, 12)
  const path = `${root}/bin/host-${digest}.sh`
  const size = String(Buffer.byteLength(hostProgram))
  const result = await shell.run({
    argv: ['sh', '-c', install, 'sh', `${root}/bin`, path, size, stateDir],
    stdin: hostProgram,
    okCodes: [0, hostCodes.unready],
    timeoutMs: 30_000,
  })
  if (result.exitCode === 0) return path
  const why = result.stderr.replace(/^switchyard-host: unready /, '').trim()
  throw new Failure('HOST_NOT_READY', `${name}: ${why}`, {
    hint: 'The host needs a POSIX sh, flock and setsid (package util-linux), coreutils, and a state-dir that this user may write.',
  })
}
