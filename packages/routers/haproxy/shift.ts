import { Failure, sameWeights, slots } from '#kernel'
import type { Host, Weights } from '#kernel'
import { readWeights } from './answers.ts'
import { weightMap, weightMapOf, weightOf } from './config.ts'
import { sharedFolder } from './container.ts'
import type { Engine } from './engine.ts'
import type { RouterRecord } from './record.ts'
import { heard, runtimeWords } from './runtime.ts'
import { laneName, protocolOf, serverName } from './shape.ts'

/** EX_IOERR of sysexits.h, which no client of ours ends with. On a full disk nothing that was said is left to read. */
const unwritable = 74

/**
 * A constant program; what it writes and says are data. First the file, which the router reads only when it starts, then the router
 * itself. Cut short in between, the router still does what it did, and that is what the next run sees: setup then puts the file
 * right again before anything else happens.
 */
const writeAndTell = `umask 022
file=$1 text=$2
shift 2
printf '%s' "$text" > "$file.new" && mv -f "$file.new" "$file" || exit ${unwritable}
"$@"`

/** All routes of the app in one entry of one map. @throws Failure HOST_NOT_READY, ROUTER_DISAGREES, ROUTER_UNREACHABLE */
export async function shiftTo(
  engine: Engine,
  host: Host,
  container: string,
  record: RouterRecord | null,
  weights: Weights,
): Promise<void> {
  const commands = [
    ...trusted(record, weights),
    `set map ${weightMap} weight ${weightOf(weights)}`,
    `show map ${weightMap}`,
  ]
  const file = `${host.stateDir}/${sharedFolder}/weight.map`
  const said = await engine.actBy([
    'sh',
    '-c',
    writeAndTell,
    'sh',
    file,
    weightMapOf(weights),
    'docker',
    ...runtimeWords(container, commands),
  ])
  if (said.code === unwritable)
    throw new Failure('HOST_NOT_READY', `${host.name}: ${file} cannot be written; traffic stays as it is`, {
      hint: 'Is there room on the disk, and may this user write the state folder?',
    })
  const shown = readWeights(heard(said))
  if (sameWeights(shown, weights)) return
  throw new Failure('ROUTER_DISAGREES', `the router was told ${inWords(weights)} and shows ${inWords(shown)}`)
}

/**
 * Who gets traffic has just passed its gate, through the router: its servers need not wait for the router's own next check, which
 * looks at what was down only twice a second. One that is not well is found out within three checks.
 */
function trusted(record: RouterRecord | null, weights: Weights): string[] {
  return slots
    .filter((slot) => weights[slot] > 0)
    .flatMap((slot) =>
      (record?.slots[slot] ?? []).flatMap((lane, index) =>
        (lane?.endpoints ?? []).map(
          (_, at) => `set server ${laneName(slot, index)}/${serverName(protocolOf(lane), at)} health up`,
        ),
      ),
    )
}

function inWords(weights: Weights): string {
  return `blue ${weights.blue} %, green ${weights.green} %`
}
