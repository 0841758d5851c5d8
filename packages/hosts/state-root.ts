import { Failure } from '#kernel'
import type { Shell } from '#kernel'
import { z } from 'zod'

const choose = `umask 077
for root in "$1" "$HOME/.switchyard"; do
  if mkdir -p "$root" 2>/dev/null && [ -w "$root" ] && [ -x "$root" ]; then printf '%s\\n' "$root"; exit 0; fi
done
exit 1`

const answerSchema = z.string().regex(/^\/[^\n]*\n$/)

/**
 * Where state lives on the machine behind the shell: `/var/lib/switchyard` where that can be written, else `~/.switchyard`.
 * @throws Failure HOST_NOT_READY when neither can.
 */
export async function stateRoot(shell: Shell, preferred = '/var/lib/switchyard'): Promise<string> {
  const result = await shell.run({ argv: ['sh', '-c', choose, 'sh', preferred], okCodes: [0, 1], timeoutMs: 30_000 })
  const answer = answerSchema.safeParse(result.stdout)
  if (result.exitCode === 0 && answer.success) return answer.data.trimEnd()
  throw new Failure('HOST_NOT_READY', `neither ${preferred} nor ~/.switchyard can be written`, {
    field: 'state-dir',
    hint: 'Give state-dir, an absolute path of a folder that this user may write.',
  })
}
