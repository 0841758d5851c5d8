import { randomBytes } from 'node:crypto'
import { Failure } from '#kernel'
import type { CommandResult, Host } from '#kernel'
import type { Said, Words } from './engine.ts'

/** User and password of the registry that holds the release's images. */
export interface Login {
  readonly username: string
  readonly password: string
}

const refused = 77
const folder = 'registry-login'
const pullMs = 30 * 60_000
const answers = Array.from({ length: 256 }, (_, code) => code)

/**
 * A constant program: logs in with a configuration of its own, does one docker command with it, and removes it again. The name of a
 * registry that does not exist keeps docker from looking for a credential store, where the password would stay. A configuration of its
 * own knows no contexts: what they point at is asked first.
 */
const program = String.raw`dir=$1 user=$2 server=$3
shift 3
umask 077
[ -n "$DOCKER_HOST" ] || DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2> /dev/null)
[ -n "$DOCKER_HOST" ] && export DOCKER_HOST || unset DOCKER_HOST
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT HUP
mkdir -p "$dir" || exit
printf '%s\n' '{"auths":{"registry.invalid":{}}}' > "$dir/config.json" || exit
login() { docker --config "$dir" login --username="$user" --password-stdin "$@" > "$dir/said" 2>&1; }
if [ -n "$server" ]; then login -- "$server"; else login; fi || {
  cat "$dir/said" >&2
  exit ${refused}
}
docker --config "$dir" "$@" < /dev/null`

/** The registry of an image, as docker reads its name; empty for Docker Hub. */
export function registryOf(ref: string): string {
  const [first = '', ...rest] = (ref.split('@')[0] ?? '').split('/')
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : ''
}

/**
 * One docker command of somebody who is logged in to a registry. The password goes over standard input, stands in a file of mode 0600
 * in the state folder for as long as the command takes, and never in the user's own docker configuration.
 * @throws Failure REGISTRY_REFUSED
 */
export async function lookLoggedIn(
  host: Host,
  { username, password }: Login,
  server: string,
  words: Words,
  signal?: AbortSignal,
): Promise<Said> {
  const dir = `${host.stateDir}/${folder}/${randomBytes(8).toString('hex')}`
  const { exitCode, stdout, stderr }: CommandResult = await host.look(
    {
      argv: ['sh', '-c', program, 'sh', dir, username, server, ...words],
      stdin: password,
      secrets: [password],
      timeoutMs: pullMs,
      okCodes: answers,
    },
    signal,
  )
  if (exitCode !== refused) return { code: exitCode, text: exitCode === 0 ? stdout : stderr }
  const said = stderr.replaceAll(password, '***').trim().slice(-500)
  throw new Failure('REGISTRY_REFUSED', `${server || 'Docker Hub'} does not accept the login of ${username}: ${said}`, {
    field: 'registry-password',
    hint: 'Check registry-username and registry-password; a token needs the right to read the image.',
  })
}

/** Pulls one image. @throws Failure REGISTRY_REFUSED */
export function pullLoggedIn(host: Host, login: Login, image: string): Promise<Said> {
  return lookLoggedIn(host, login, registryOf(image), ['pull', '--quiet', '--', image])
}

/** A constant program. What still pulls names its folder in its words; grep is told the name where its own words do not show it. */
const sweep = String.raw`cd "$1" 2> /dev/null || exit 0
for folder in *; do
  [ -d "$folder" ] || continue
  printf '%s\n' "$folder" | grep -qsF -f - /proc/[0-9]*/cmdline || rm -rf "./$folder"
done`

/** Removes what a run that was killed has left. */
export async function removeLogins(host: Host): Promise<void> {
  const argv = ['sh', '-c', sweep, 'sh', `${host.stateDir}/${folder}`] as const
  await host.look({ argv, timeoutMs: 30_000 })
}
