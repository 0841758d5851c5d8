import type { Host } from '#kernel'
import type { Engine } from './haproxy/engine.ts'

/** A constant program: name and pid of the process that listens on a port; nothing for whoever may not see it. */
const program = String.raw`hex=$(printf '%04X' "$1")
inodes=
while read -r _ local _ state _ _ _ _ _ inode _; do
  case $local:$state in *:"$hex":0A) inodes="$inodes $inode" ;; esac
done << EOF
$(cat /proc/net/tcp /proc/net/tcp6 2> /dev/null)
EOF
ls -l /proc/[0-9]*/fd 2> /dev/null | while read -r line; do
  case $line in /proc/*) folder=$line && continue ;; esac
  for inode in $inodes; do
    case $line in *"-> socket:[$inode]") ;; *) continue ;; esac
    IFS=/
    set -- $folder
    read -r name < "/proc/$3/comm" && printf '%s (pid %s)\n' "$name" "$3"
    exit
  done
done`

/** Who listens on a port of the host, as far as one can know; words for a message. */
export async function holderOf(engine: Engine, host: Host, port: number): Promise<string> {
  const { code, stdout } = await engine.look(['ps', `--filter=publish=${port}`, '--format={{.Names}}'])
  const containers = code === 0 ? stdout.split('\n').filter((name) => name !== '') : []
  if (containers.length > 0) return `the container ${containers.join(', ')}`
  const argv = ['sh', '-c', program, 'sh', String(port)] as const
  const told = await host.look({ argv, timeoutMs: 30_000, okCodes: [0, 1, 2] })
  const [, holder] = /^([^\n]{1,40} \(pid \d{1,10}\))$/m.exec(told.stdout) ?? []
  return holder ?? 'another program'
}
