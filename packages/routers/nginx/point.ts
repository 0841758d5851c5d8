import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { askFunction, readSights, unreachable } from './ask.ts'
import { controlOffset, nginxFolder } from './shape.ts'

/**
 * A constant program: FOLDER PORT LINK=PLACE…; LINK?=PLACE only where there is none yet. Each link is renamed into its place, so nginx sees the old end or the new one, never none.
 * Ends that no link had for a day go; a worker that stood still may yet be on its way to a younger one.
 */
const pointAndAsk = `${askFunction}umask 022
cd "$1" || exit 1
port=$2
shift 2
mkdir -p at
find at -mindepth 1 -maxdepth 1 -type d -mtime +1 | while IFS= read -r old; do
  for link in weight blue-* green-*; do
    if [ "$(readlink "$link")" = "$old" ]; then continue 2; fi
  done
  rmdir "$old"
done
links=
for pair; do
  link=\${pair%%=*} place=at/\${pair#*=}
  case $link in
    *\\?) link=\${link%?}; if [ -L "$link" ]; then continue; fi ;;
  esac
  links="$links $link"
  before=$(readlink "$link")
  if [ "$before" = "$place" ]; then continue; fi
  mkdir -p "$place" && ln -sfn "$place" "$link.new" && mv -fT "$link.new" "$link" || exit 1
  if [ -d "$before" ]; then touch "$before"; fi
done
ask "$port" $links
`

export type Places = Readonly<Record<string, string>>

/** Leads links to places, under the host's fence, without asking whether nginx saw it. Gives what it says, if it runs. */
export async function point(host: Host, previews: number, places: Places) {
  const pairs = Object.entries(places).map(([link, place]) => `${link}=${place}`)
  const folder = `${host.stateDir}/${nginxFolder}`
  const argv = ['sh', '-c', pointAndAsk, 'sh', folder, String(previews + controlOffset), ...pairs] as const
  return readSights((await host.act({ argv: [...argv], timeoutMs: 60_000 })).stdout)
}

/** As `point`, and done only when a worker of nginx sees it. @throws Failure ROUTER_UNREACHABLE, ROUTER_DISAGREES */
export async function pointSeen(host: Host, previews: number, places: Places): Promise<void> {
  const sights = await point(host, previews, places)
  if (sights.length === 0) throw unreachable('does not answer', 'Start it, and deploy again.')
  assertSeen(sights, places, host)
}

/** @throws Failure ROUTER_DISAGREES, HOST_NOT_READY */
export function assertSeen(sights: Awaited<ReturnType<typeof point>>, places: Places, host: Host): void {
  for (const [link, place] of Object.entries(places)) {
    const seen = sights.find((sight) => sight.link === link)?.path ?? ''
    if (seen === '') {
      throw new Failure('HOST_NOT_READY', `the workers of nginx cannot look into ${host.stateDir}/${nginxFolder}`, {
        field: 'state-dir',
        hint: 'Every folder above it must be open to them (chmod a+x); /var/lib/switchyard is, a home folder often is not.',
      })
    }
    if (seen.endsWith(`/at/${place}`)) continue
    throw new Failure(
      'ROUTER_DISAGREES',
      `the router was to lead ${link} to ${place}, and nginx sees ${seen.slice(-200)}`,
    )
  }
}
