import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { controlOffset } from './shape.ts'

/** A shell function: `ask PORT LINK…` prints what nginx says of each link, nothing where nobody answers. Data come as words. */
export const askFunction = `ask() {
  port=$1
  shift
  for link; do
    if command -v curl > /dev/null; then curl --silent --max-time 5 --noproxy '*' "http://127.0.0.1:$port/$link"
    elif command -v wget > /dev/null; then wget -q -T 5 -O - --no-proxy "http://127.0.0.1:$port/$link"
    else timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET /%s HTTP/1.0\\r\\n\\r\\n" "$1" >&3 && sed "1,/^.$/d" <&3' "$port" "$link"
    fi 2> /dev/null
  done
  return 0
}
`

/** What nginx sees at the end of a link; an empty path where it sees nothing. */
export interface Sight {
  readonly mark: string
  readonly link: string
  readonly path: string
}

export function readSights(text: string): readonly Sight[] {
  return [...text.matchAll(/^switchyard ([0-9a-f]{16}) ([a-z0-9-]+) (.*)$/gm)].map(([, mark, link, path]) => ({
    mark: mark ?? '',
    link: link ?? '',
    path: path ?? '',
  }))
}

/** What a running nginx says; nothing while it does not run, or has not loaded what is ours. */
export async function askNginx(host: Host, previews: number, links: readonly string[]): Promise<readonly Sight[]> {
  const script = `${askFunction}ask "$@"`
  const argv = ['sh', '-c', script, 'sh', String(previews + controlOffset), ...links] as const
  return readSights((await host.look({ argv: [...argv], timeoutMs: 60_000 })).stdout)
}

export function unreachable(why: string, hint: string): Failure {
  return new Failure('ROUTER_UNREACHABLE', `the nginx of this host ${why}`, { hint })
}
