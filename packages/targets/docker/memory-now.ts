import { filtersOf } from './names.ts'
import type { Place } from './place.ts'

/**
 * A constant program; formats and filters are data. What the host has: bytes of memory that can be had. Then, for each container that
 * the filters find, what the format tells of it after its pid, and the bytes that it uses, without the page cache: from its cgroup, of
 * the old kind or the new, or else what the process itself holds.
 */
const program = String.raw`while read -r key value unit; do
  [ "$key" != MemAvailable: ] || printf 'available %s\n' $((value * 1024))
done < /proc/meminfo
format=$1
shift
ids=$(docker ps --quiet --no-trunc "$@") && [ -n "$ids" ] || exit 0
# One that ends in between makes docker fail; the others are printed all the same, and are lost: then nothing is known.
seen=$(docker inspect --format="{{.State.Pid}} $format" -- $ids) || exit 0
printf '%s\n' "$seen" | while read -r pid line; do
  printf 'running %s\n' "$line"
  used= cache=0
  while IFS=: read -r number kinds path; do
    case $number:$kinds in
      0:) folder=/sys/fs/cgroup$path file=memory.current name=inactive_file ;;
      *:memory) folder=/sys/fs/cgroup/memory$path file=memory.usage_in_bytes name=total_inactive_file ;;
      *) continue ;;
    esac
    [ -z "$used" ] && [ "$path" != / ] && [ -r "$folder/$file" ] || continue
    read -r used < "$folder/$file"
    while read -r key value; do [ "$key" != "$name" ] || cache=$value; done < "$folder/memory.stat"
  done < "/proc/$pid/cgroup"
  [ -n "$used" ] || while read -r key value unit; do
    [ "$key" != VmRSS: ] || used=$((value * 1024))
  done < "/proc/$pid/status"
  printf 'used %s %s\n' "$pid" $((used > cache ? used - cache : 0))
done`

export interface MemoryNow {
  /** Null where the host does not tell. */
  readonly availableBytes: number | null
  /** By the pid of a container's first process; a container that has ended meanwhile is left out. */
  readonly usedBytes: ReadonlyMap<number, number>
  /** What the format gave of each container that runs in a slot. */
  readonly lines: readonly string[]
}

/**
 * What the host's memory is like now, and what runs in the slots. A look of some milliseconds, where `docker stats` takes a second or
 * two; one round trip, however far the host is.
 */
export async function memoryNow({ host, names }: Place, format: string): Promise<MemoryNow> {
  const argv = ['sh', '-c', program, 'sh', format, ...filtersOf(names, 'slot')] as const
  const { stdout } = await host.look({ argv, timeoutMs: 30_000, okCodes: [0, 1, 2, 127] })
  const available = /^available (\d{1,15})$/m.exec(stdout)?.[1]
  return {
    availableBytes: available === undefined ? null : Number(available),
    usedBytes: new Map(
      [...stdout.matchAll(/^used (\d{1,10}) (\d{1,15})$/gm)].map(([, pid, bytes]) => [Number(pid), Number(bytes)]),
    ),
    lines: [...stdout.matchAll(/^running (.+)$/gm)].map(([, line = '']) => line),
  }
}
