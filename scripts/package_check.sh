#!/usr/bin/env bash
# Packs a program that runs on this machine, twice, and looks at what comes out: the same bytes, an archive that installs and
# installs again without touching the configuration, a .deb with what it needs.
#   scripts/package_check.sh PROGRAM
set -euo pipefail
program=$(realpath "${1:?PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "package: $*" >&2
  exit 1
}

target=$(uname -m)-unknown-linux-gnu
scripts/package.sh "$target" server "$program" "$work/once" >/dev/null
scripts/package.sh "$target" server "$program" "$work/twice" >/dev/null
diff -r "$work/once" "$work/twice" || fail "two packages of one program differ"

tar -x -C "$work" -f "$work"/once/*.tar.gz
archive=$(echo "$work"/lavalink-rust-*)
for file in lavalink-rust application.yml lavalink-rust.service install.sh LICENSE-MIT; do
  [ -f "$archive/$file" ] || fail "the archive has no $file"
done
root=$work/root
DESTDIR=$root PREFIX=/usr/local "$archive/install.sh" >/dev/null
etc=$root/etc/lavalink-rust/application.yml
grep -q '^ExecStart=/usr/local/bin/lavalink-rust ' "$root/etc/systemd/system/lavalink-rust.service" || fail "the unit starts another program"
[ "$(stat -c %a "$etc")" = 640 ] || fail "everybody can read the password"

# what is installed refuses to start, and then does not
check() { (cd "$work" && env -i "$@" "$root/usr/local/bin/lavalink-rust" check-config --config "$etc" 2>&1); }
status=0
said=$(check) || status=$?
[ "$status" = 2 ] || fail "without a password it ends with $status"
grep -q 'lavalink.server.password' <<<"$said" || fail "it does not ask for a password"
[ "$(grep -c '^error' <<<"$said")" = 1 ] || fail "the configuration has other errors: $said"
said=$(check LAVALINK_SERVER_PASSWORD=secret) || fail "with a password it does not start: $said"
! grep -Eq '^(warning|error)' <<<"$said" || fail "it is warned of: $said"

sed -i 's/#password: ""/password: "mine"/' "$etc"
DESTDIR=$root PREFIX=/usr/local "$archive/install.sh" >/dev/null
grep -q 'password: "mine"' "$etc" || fail "installing again has changed the configuration"

if command -v dpkg-deb >/dev/null 2>&1; then
  deb=$(echo "$work"/once/*.deb)
  dpkg-deb --fsys-tarfile "$deb" | tar -t >"$work/list"
  for path in ./usr/bin/lavalink-rust ./etc/lavalink-rust/application.yml ./usr/lib/systemd/system/lavalink-rust.service; do
    grep -qx "$path" "$work/list" || fail "the .deb has no $path"
  done
  dpkg-deb --field "$deb" Depends | grep -q '^libc6 (>= 2\.' || fail "the .deb needs no C library"
  dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./conffiles | grep -qx /etc/lavalink-rust/application.yml || fail "an update would overwrite the configuration"
fi
echo "the packages are in order"
