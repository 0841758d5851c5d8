#!/bin/sh
# Installs what the tests with real containers need, from Debian's packages. Quick when everything is there.
set -eu

missing=''
for package in docker.io docker-registry haproxy busybox-static iproute2 iptables binutils openssh-server openssh-client nginx-light prometheus libfaketime; do
  dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
done
# Compose 2 is in Debian's next release; everything else stays as it is.
if ! dpkg-query --show --showformat '${Version}' docker-compose 2>/dev/null | grep -q '^2\.'; then
  missing="$missing docker-compose/trixie"
  printf 'deb http://deb.debian.org/debian trixie main\n' > /etc/apt/sources.list.d/switchyard-trixie.list
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' > /etc/apt/preferences.d/switchyard-trixie
fi
[ -n "$missing" ] || exit 0

# Debian starts no daemon of these packages here: the tests start their own engine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
# shellcheck disable=SC2086
apt-get install --yes --quiet --no-install-recommends $missing
