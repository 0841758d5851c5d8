import { Failure } from '#kernel'
import type { Host } from '#kernel'
import { unreachable } from './ask.ts'

/** One nginx that runs on the host, and how to run the same program on the same configuration. */
export interface Master {
  readonly pid: number
  /** Words that test and reload it: with sudo where it belongs to somebody else. */
  readonly words: readonly [string, ...string[]]
  /** Users its workers run as, as numbers. */
  readonly workers: readonly number[]
}

/**
 * Lines `UID PID SAME USER PROGRAM|TITLE`, and `worker PARENT USER`. SAME is 0 for a process that is known to live in another network,
 * as those of containers do. A master's title is the command line that it was started with.
 */
const list = `self=$(readlink /proc/self/ns/net)
for file in $(grep -l -a -s '^nginx: ' /proc/[0-9]*/cmdline); do
  folder=\${file%/cmdline}
  title=$(tr '\\0' ' ' < "$file") || continue
  user=$(stat -c %u "$folder") || continue
  net=$(readlink "$folder/ns/net")
  same=1
  if [ -n "$net" ] && [ "$net" != "$self" ]; then same=0; fi
  case $title in
    'nginx: master process '*)
      printf 'master %s %s %s %s %s|%s\\n' "$(id -u)" "\${folder#/proc/}" "$same" "$user" "$(readlink "$folder/exe")" "$title" ;;
    'nginx: worker process'*)
      printf 'worker %s %s\\n' "$(sed -n 's/^PPid:[[:space:]]*//p' "$folder/status")" "$user" ;;
  esac
done 2> /dev/null
exit 0
`

/** Every nginx in the host's own network. */
export async function findMasters(host: Host): Promise<readonly Master[]> {
  const { stdout } = await host.look({ argv: ['sh', '-c', list], timeoutMs: 30_000 })
  return readMasters(stdout)
}

export function readMasters(text: string): readonly Master[] {
  const workers = [...text.matchAll(/^worker ([0-9]+) ([0-9]+)$/gm)].map(([, parent, user]) => [
    Number(parent),
    Number(user),
  ])
  const masters = text.matchAll(/^master ([0-9]+) ([0-9]+) 1 ([0-9]+) ([^|]*)\|nginx: master process (.*)$/gm)
  return [...masters].map(([, self, pid, user, program, title]) => ({
    pid: Number(pid),
    words: wordsOf(title ?? '', (program ?? '').replace(/ \(deleted\)$/, ''), self === '0' || self === user),
    workers: workers.filter(([parent]) => parent === Number(pid)).map(([, worker]) => worker ?? -1),
  }))
}

/** Of the command line only what names the configuration: where it lies, and what relative paths start from. */
function wordsOf(title: string, program: string, isOurs: boolean): [string, ...string[]] {
  const given = title.trim().split(/\s+/)
  const options = ['-p', '-c', '-e'].flatMap((name) => {
    const at = given.indexOf(name)
    const value = at === -1 ? undefined : given[at + 1]
    return value === undefined ? [] : [name, value]
  })
  const words = [program || (given[0] ?? 'nginx'), ...options] as const
  return isOurs ? [...words] : ['sudo', '--non-interactive', ...words]
}

/** What a test of the configuration shows. */
export interface Tested {
  readonly master: Master
  /** nginx's own complaint; null: none. */
  readonly broken: string | null
  readonly hasOurs: boolean
  /** Where it keeps its logs: the folder of the first error_log; empty: none was found. */
  readonly logs: string
}

/**
 * FILE NGINX WORDS…. Ours is a configuration that shows FILE, or would if it were there already: an include in it has a pattern that
 * FILE matches.
 */
const test = `set -f
file=$1
shift
if shown=$("$@" -T 2> /dev/null); then
  whose=others
  case $shown in *"# configuration file $file:"*) whose=ours ;; esac
  includes='s|#.*||; s|.*include[[:space:]][[:space:]]*"*\\(/[^;"[:space:]]*\\)"*[[:space:]]*;.*|\\1|p'
  for pattern in $(printf '%s\\n' "$shown" | sed -n "$includes" | head -n 1000); do
    case $file in $pattern) whose=ours ;; esac
  done
  echo "$whose"
  logs='s|^[[:space:]]*error_log[[:space:]][[:space:]]*\\(/[^;[:space:]]*\\)/[^/;[:space:]]*.*|\\1|p'
  printf '%s\\n' "$shown" | sed -n "$logs" | head -n 1
else
  echo broken
  "$@" -t 2>&1 | tail -c 4000
fi
`

/** `nginx -t`, and whether the configuration includes our file. Changes nothing. */
export async function testConfiguration(host: Host, master: Master, file: string): Promise<Tested> {
  const argv = ['sh', '-c', test, 'sh', file, ...master.words] as const
  const { stdout } = await host.look({ argv: [...argv], timeoutMs: 60_000 })
  const [first, ...rest] = stdout.split('\n')
  const broken = first === 'broken' ? complaintIn(rest) : null
  return { master, broken, hasOurs: first === 'ours', logs: broken === null ? (rest[0] ?? '') : '' }
}

/** The line that names file and line, without time and process. */
function complaintIn(lines: readonly string[]): string {
  const line =
    lines.find((each) => /\[(?:emerg|alert|crit)\]/.test(each)) ?? lines.find((each) => each.trim() !== '') ?? ''
  return line
    .replace(/^(?:nginx: |[0-9/]+ [0-9:]+ )/, '')
    .replace(/^(\[[a-z]+\]) [0-9#]+: /, '$1 ')
    .slice(0, 500)
}

/** @throws Failure NGINX_BROKEN, HOST_NOT_READY */
export function assertWorks({ master, broken }: Tested, when: string): void {
  if (broken === null) return
  const [first] = master.words
  if (first === 'sudo' && !/\[(?:emerg|alert|crit)\]/.test(broken)) {
    throw new Failure('HOST_NOT_READY', `this user may not run nginx -t: ${broken}`, {
      hint: `Permit it: a line in /etc/sudoers.d with NOPASSWD for "${master.words.slice(2).join(' ')} -T", -t and "-s reload".`,
    })
  }
  throw new Failure('NGINX_BROKEN', `${when}: ${broken}`, {
    hint: `Mend the file and the line that nginx names, until "${master.words.join(' ')} -t" is content; then run again.`,
  })
}

/**
 * The nginx to be told: the one whose configuration includes our file; null when none does.
 * @throws Failure ROUTER_UNREACHABLE, NGINX_BROKEN, HOST_NOT_READY
 */
export async function theNginx(host: Host, file: string): Promise<Tested | null> {
  const masters = await findMasters(host)
  if (masters.length === 0) {
    throw unreachable('does not run', 'Router nginx uses the one that you run: systemctl start nginx, then run again.')
  }
  const tested = await Promise.all(masters.map((master) => testConfiguration(host, master, file)))
  const ours = tested.filter(({ hasOurs }) => hasOurs)
  if (ours.length > 1) {
    const pids = ours.map(({ master }) => master.pid).join(' and ')
    throw new Failure('HOST_NOT_READY', `processes ${pids} are both an nginx that includes ${file}`, {
      hint: 'Only one of them can serve the app: take the include out of the other.',
    })
  }
  const [chosen] = ours
  if (chosen !== undefined) return chosen
  for (const each of tested) assertWorks(each, 'nginx -t is not content, before anything was changed')
  return null
}
