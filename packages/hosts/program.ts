/**
 * Exit codes of the host program's own; a command it runs may end with the same ones, so they count only together with a
 * line `switchyard-host: WORD` as all of stderr.
 */
export const hostCodes = {
  held: 90,
  lost: 91,
  busy: 92,
  refused: 93,
  absent: 94,
  oversized: 95,
  unready: 96,
  missing: 97,
} as const

/** The most `read` gives, in bytes. */
export const readLimitBytes = 4 * 1024 * 1024

/**
 * The host's side: POSIX sh, for dash and busybox alike; needs flock, setsid and coreutils. Run as
 * `sh PROGRAM VERB STATE_DIR …`; words are data and are never evaluated.
 *
 * Two locks. `lease/lock` guards the lease file and is held for moments. `lease/effect` is held by every effect to its end,
 * so a new owner, who takes it once after writing the lease, knows that no effect of an older one runs or will run. Because
 * renewing needs only the first, a long effect never stops the heartbeat.
 *
 * Nothing waits for the caller while the effect lock is held, because the caller may be frozen or dead: input is taken whole
 * before, output is given after. The lock is never handed to the command, which may leave a daemon behind.
 *
 * Time is /proc/uptime in hundredths of a second, with the boot it counts from: setting the clock changes no lease.
 */
export const hostProgram = String.raw`# Written by Switchyard; replaced when it changes. sh PROGRAM VERB STATE_DIR WORDS…
verb=$1 dir=$2
shift 2
# What our own tools say would hide what we say.
exec 3>&2 2> /dev/null

say() { printf 'switchyard-host: %s\n' "$1" >&3; exit "$2"; }
lost() { say lost 91; }
here() { [ -w "$dir/lease/lock" ] && [ -w "$dir/lease/effect" ] || say "unready $dir is gone or not ours" 96; }
refused() { say "refused $1" 93; }
numeric() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

# FD SECONDS. The lock belongs to the open file, so a child can take it for us. busybox flock has no -w.
obtain() { flock -n "$1" || timeout "$2" flock "$1"; }

clock() {
  IFS='. ' read -r seconds hundredths rest < /proc/uptime &&
    read -r boot < /proc/sys/kernel/random/boot_id || say 'unready /proc cannot be read' 96
  now=$((seconds * 100 + 1$hundredths - 100))
}

# The lease is replaced by a rename, so reading it needs no lock.
load() {
  { read -r held expires held_boot identity && IFS= read -r owner; } < "$dir/lease/current" &&
    numeric "$held" && numeric "$expires"
}
fresh() { [ "$held_boot" = "$boot" ] && [ "$now" -lt "$expires" ]; }
ours() { clock; load && [ "$held" = "$1" ] && fresh; }

# FENCE HUNDREDTHS IDENTITY OWNER
store() {
  printf '%s %s %s %s\n%s\n' "$1" $((now + $2)) "$boot" "$3" "$4" > "$dir/lease/current.new" &&
    mv -f "$dir/lease/current.new" "$dir/lease/current" || say 'unready the lease cannot be written' 96
}
lock() { here; exec 8>> "$dir/lease/lock"; obtain 8 10 || say busy 92; }
unlock() { exec 8>&-; }

# Is the owner provably dead? BOOT:PID_NAMESPACE:PID:START:TOKEN. What cannot be proven is alive.
gone() {
  IFS=: read -r its_boot its_space its_pid its_start token <<END
$1
END
  [ "$its_boot" = "$boot" ] && numeric "$its_pid" && numeric "$its_start" || return 1
  [ "$(readlink /proc/self/ns/pid | tr -dc 0-9)" = "$its_space" ] || return 1
  # Where processes of others are hidden, the first one is hidden too.
  [ -r /proc/1/stat ] && cat /proc/1/stat > /dev/null || return 1
  [ -d "/proc/$its_pid" ] || return 0
  set -- $(sed 's/.*) //' "/proc/$its_pid/stat")
  [ $# -ge 20 ] || { [ ! -d "/proc/$its_pid" ]; return; }
  case $1 in Z | X) return 0 ;; esac
  shift 19
  numeric "$1" && [ "$1" != "$its_start" ]
}

extend() {
  lock
  ours "$1" || lost
  store "$1" "$2" "$identity" "$owner"
  unlock
}

# FENCE. From here to the end of the command nobody else acts.
effect() {
  here
  exec 9>> "$dir/lease/effect"
  obtain 9 600 || say busy 92
  ours "$1" || lost
}

# PATH. Refuses what could leave the state folder or touch the lease.
below() {
  case $1 in
    '' | /* | */ | *//* | lease | lease/* | *[!A-Za-z0-9._@+/-]*) refused path ;;
  esac
  case "/$1/" in */../* | */./*) refused path ;; esac
}

# BYTES. A caller that dies while it sends has sent nothing. Own names and no mktemp: each fork costs as much as the lock.
take() {
  here
  clock
  scratch=$dir/lease/work.$$.$now
  set -C
  true > "$scratch" || say 'unready no temporary file can be made' 96
  set +C
  trap 'rm -f "$scratch" "$scratch.out" "$scratch.err" "$scratch.part"' EXIT
  [ "$1" = 0 ] && return
  cat > "$scratch" || say 'unready the input cannot be kept' 96
  [ "$(wc -c < "$scratch")" -eq "$1" ] || refused input
}

command_given() {
  [ $# -ge 2 ] && [ "$1" = -- ] || refused command
  case $2 in -* | '') refused command ;; esac
  command -v "$2" > /dev/null || say "missing $2" 97
}

case $verb in
  ready)
    umask 077
    for tool in flock setsid timeout readlink head tail sed; do
      command -v "$tool" > /dev/null || say "unready $tool was not found" 96
    done
    mkdir -p "$dir/lease" && : >> "$dir/lease/lock" && : >> "$dir/lease/effect" || say "unready $dir cannot be written" 96
    ;;

  # OWNER HUNDREDTHS IDENTITY WAIT_SECONDS [OVER]: OVER is an owner whose run is known to have ended.
  acquire)
    umask 077
    lock
    clock
    from= held=0
    if load; then
      if [ "$identity" != "$3" ]; then
        if fresh && ! gone "$identity" && { [ $# -lt 5 ] || [ "$owner" != "$5" ]; }; then
          printf 'held %s\n%s\n' $((expires - now)) "$owner"
          exit 90
        fi
        from=$owner
      fi
    else
      held=0
    fi
    fence=0
    if [ -e "$dir/lease/fence" ]; then read -r fence < "$dir/lease/fence"; fi
    numeric "$fence" || say 'unready the fencing number cannot be read' 96
    [ "$fence" -ge "$held" ] || fence=$held
    fence=$((fence + 1))
    printf '%s\n' "$fence" > "$dir/lease/fence.new" && mv -f "$dir/lease/fence.new" "$dir/lease/fence" ||
      say 'unready the fencing number cannot be written' 96
    store "$fence" "$2" "$3" "$1"
    unlock
    exec 9>> "$dir/lease/effect"
    if ! flock -n 9; then
      extend "$fence" $(($2 + $4 * 100))
      if timeout "$4" flock 9; then
        extend "$fence" "$2"
      else
        lock
        load && [ "$held" = "$fence" ] && rm -f "$dir/lease/current"
        say busy 92
      fi
    fi
    rm -f "$dir"/lease/work.*
    printf 'fence %s\n%s\n' "$fence" "$from"
    ;;

  # FENCE HUNDREDTHS
  renew)
    umask 077
    extend "$1" "$2"
    ;;

  # FENCE
  release)
    lock
    if load && [ "$held" = "$1" ]; then rm -f "$dir/lease/current"; fi
    ;;

  inspect)
    clock
    if load && fresh && ! gone "$identity"; then printf 'held %s\n%s\n' $((expires - now)) "$owner"; else printf 'free\n'; fi
    ;;

  # FENCE BYTES LIMIT -- COMMAND… Both outputs are given when it has ended, the last LIMIT bytes of each.
  act)
    fence=$1 bytes=$2 limit=$3
    shift 3
    command_given "$@"
    shift
    take "$bytes"
    effect "$fence"
    # A signal to the group ends the command; we stay until it has ended, and hold the lock until then.
    trap : TERM INT HUP
    (exec "$@" < "$scratch" > "$scratch.out" 2> "$scratch.err" 3>&- 9>&-)
    code=$?
    exec 9>&-
    [ ! -s "$scratch.out" ] || tail -c "$limit" "$scratch.out"
    [ ! -s "$scratch.err" ] || tail -c "$limit" "$scratch.err" >&3
    exit $code
    ;;

  # FENCE LOG -- COMMAND…
  spawn)
    fence=$1 log=$2
    shift 2
    command_given "$@"
    shift
    below "$log"
    log=$dir/$log
    (umask 077; mkdir -p "$(dirname "$log")" && : >> "$log") || say 'unready the log cannot be written' 96
    effect "$fence"
    # The runner ends every process that carries this name in its environment when the job ends.
    unset RUNNER_TRACKING_ID
    (exec setsid "$@" < /dev/null >> "$log" 2>&1) < /dev/null > /dev/null 3>&- 9>&- &
    printf 'pid %s\n' $!
    ;;

  # FENCE BYTES, then PATH MODE BYTES of each file, which come one after the other.
  put)
    umask 077
    fence=$1 at=0
    take "$2"
    shift 2
    for word in "$@"; do
      at=$((at + 1))
      case $((at % 3)) in
        1) below "$word" ;;
        2) case $word in *[!0-7]* | '') refused mode ;; esac ;;
        0) numeric "$word" || refused input ;;
      esac
    done
    [ $# -gt 0 ] && [ $((at % 3)) -eq 0 ] || refused input
    effect "$fence"
    from=1
    while [ $# -gt 0 ]; do
      part=$scratch
      if [ $# -gt 3 ] || [ "$from" -gt 1 ]; then
        part=$scratch.part
        tail -c "+$from" "$scratch" | head -c "$3" > "$part" && [ "$(wc -c < "$part")" -eq "$3" ] || refused input
      fi
      chmod "$2" "$part" && mkdir -p "$(dirname "$dir/$1")" && mv -fT "$part" "$dir/$1" || say "unready $1 cannot be written" 96
      from=$((from + $3))
      shift 3
    done
    ;;

  # PATH LIMIT
  read)
    below "$1"
    [ -e "$dir/$1" ] || say absent 94
    [ -f "$dir/$1" ] || refused kind
    [ "$(wc -c < "$dir/$1")" -le "$2" ] || say oversized 95
    cat "$dir/$1"
    ;;

  # FENCE PATH…
  remove)
    fence=$1
    shift
    for path in "$@"; do below "$path"; done
    effect "$fence"
    for path in "$@"; do rm -rf "$dir/$path"; done
    ;;

  # PATH COUNT BYTES. The last files by name, each with a line that names it, and its first bytes.
  list)
    below "$1"
    cd "$dir/$1" || exit 0
    count=$2 bytes=$3
    set -- [0-9a-zA-Z]*
    [ -e "$1" ] || exit 0
    while [ $# -gt "$count" ]; do shift; done
    head -v -c "$bytes" "$@"
    ;;

  # FENCE PATH COUNT. Removes all but the last files by name.
  trim)
    below "$2"
    effect "$1"
    cd "$dir/$2" || exit 0
    count=$3
    set -- [0-9a-zA-Z]*
    while [ $# -gt "$count" ]; do rm -f "./$1" && shift || exit 1; done
    ;;

  *) refused verb ;;
esac
`
