#!/bin/sh
# Installs what the tests with real containers need, from Debian's packages. Quick when everything is there.
set -eu

missing=''
for package in docker.io docker-registry haproxy busybox-static iproute2 iptables binutils; do
  dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
done
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
