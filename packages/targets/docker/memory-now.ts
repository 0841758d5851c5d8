import type { Host } from '#kernel'

/**
 * A constant program; pids are data. What the host has: bytes of memory that can be had, processors. Then, for each pid, the bytes that
 * its container uses, without the page cache: from its cgroup, of the old kind or the new, or else what the process itself holds.
 */
const program = String.raw`while read -r key value unit; do
  [ "$key" != MemAvailable: ] || printf 'available %s\n' $((value * 1024))
done < /proc/meminfo
for pid in "$@"; do
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
  printf '%s %s\n' "$pid" $((used > cache ? used - cache : 0))
done`

export interface MemoryNow {
  /** Null where the host does not tell. */
  readonly availableBytes: number | null
  /** By the pid of a container's first process; a container that has ended meanwhile is left out. */
  readonly usedBytes: ReadonlyMap<number, number>
}

/** What the host's memory is like now. A look of some milliseconds, where `docker stats` takes a second or two. */
export async function memoryNow(host: Host, pids: readonly number[]): Promise<MemoryNow> {
  const argv = ['sh', '-c', program, 'sh', ...pids.map(String)] as const
  const { stdout } = await host.look({ argv, timeoutMs: 30_000, okCodes: [0, 1, 2] })
  const available = /^available (\d{1,15})$/m.exec(stdout)?.[1]
  const used = [...stdout.matchAll(/^(\d{1,10}) (\d{1,15})$/gm)]
  return {
    availableBytes: available === undefined ? null : Number(available),
    usedBytes: new Map(used.map(([, pid, bytes]) => [Number(pid), Number(bytes)])),
  }
}
