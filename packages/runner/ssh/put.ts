import { randomBytes } from 'node:crypto'
import type { Shell } from '#kernel'

const putMs = 300_000

/** Words: the path, its fresh name, the mode, the size. What arrived in part is thrown away. */
const program = `umask 077
mkdir -p "$(dirname -- "$1")" && cat > "$2" && [ "$(wc -c < "$2")" -eq "$4" ] && chmod "$3" "$2" && mv -fT -- "$2" "$1" && exit 0
rm -f -- "$2"
exit 1`

/** Writes a file whole or not at all; makes missing folders above it. @throws Failure COMMAND_FAILED, CONNECTION_LOST */
export async function putRemote(
  run: Shell['run'],
  path: string,
  bytes: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const stdin = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const words = [
    path,
    `${path}.${randomBytes(6).toString('hex')}`,
    (mode & 0o7777).toString(8),
    String(stdin.byteLength),
  ]
  await run({ argv: ['sh', '-c', program, 'sh', ...words], stdin, timeoutMs: putMs })
}
