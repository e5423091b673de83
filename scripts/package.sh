#!/usr/bin/env bash
# Packs a program that is built:
#   scripts/package.sh TARGET BUNDLE PROGRAM [FOLDER]
# makes lavalink-rust-VERSION-TARGET-BUNDLE.tar.gz (program, configuration, unit, install script) in FOLDER, dist if none is named,
# and for targets with glibc a .deb of that name. The same program gives the same bytes: times are SOURCE_DATE_EPOCH, the last
# commit's if it is not set.
set -euo pipefail
umask 022
target=${1:?TARGET} bundle=${2:?BUNDLE} program=$(realpath "${3:?PROGRAM}") out=${4:-dist}
mkdir -p "$out"
out=$(realpath "$out")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
name=lavalink-rust-$version-$target-$bundle
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tree=$work/$name
mkdir -p "$tree"
install -m 755 "$program" "$tree/lavalink-rust"
install -m 755 packaging/install.sh "$tree/install.sh"
install -m 644 systemd/lavalink-rust.service README.md LICENSE-MIT LICENSE-APACHE "$tree"
packaging/configuration.sh >"$tree/application.yml"
echo "$target" >"$tree/TARGET"
tar --create --directory "$work" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner "$name" |
  gzip --no-name --best >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"

case $target in
  aarch64-*-gnu) architecture=arm64 ;;
  # Raspberry Pi OS calls ARMv6 by the same name
  armv7-*-gnueabihf | arm-*-gnueabihf) architecture=armhf ;;
  x86_64-*-gnu) architecture=amd64 ;;
  *) exit 0 ;;
esac
if ! command -v dpkg-deb >/dev/null 2>&1; then
  echo "no .deb: dpkg-deb is missing" >&2
  exit 0
fi
deb=$work/deb
install -D -m 755 "$program" "$deb/usr/bin/lavalink-rust"
install -D -m 644 systemd/lavalink-rust.service "$deb/usr/lib/systemd/system/lavalink-rust.service"
install -D -m 640 "$tree/application.yml" "$deb/etc/lavalink-rust/application.yml"
chmod 750 "$deb/etc/lavalink-rust"
documents=$deb/usr/share/doc/lavalink-rust
install -D -m 644 packaging/debian/copyright "$documents/copyright"
install -m 644 LICENSE-MIT LICENSE-APACHE README.md "$documents"
gzip --no-name --best -c CHANGELOG.md >"$documents/changelog.gz"
mkdir -p "$deb/DEBIAN"
install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$deb/DEBIAN"
echo /etc/lavalink-rust/application.yml >"$deb/DEBIAN/conffiles"
depends=$(scripts/needs.sh --depends "$program")
cat >"$deb/DEBIAN/control" <<CONTROL
Package: lavalink-rust
Version: $version
Architecture: $architecture
Maintainer: The lavalink-rust developers <lavalink-rust@localhost>
Depends: ${depends:+$depends, }passwd
Suggests: yt-dlp
Installed-Size: $(du -sk --apparent-size "$deb" | cut -f1)
Section: sound
Priority: optional
Description: audio node for Discord bots (Lavalink v4 protocol)
 Fetches and decodes what a bot wants to play, applies filters and sends it to
 Discord's voice servers with end-to-end encryption. This build: $bundle.
CONTROL
(cd "$deb" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$deb" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/$name.deb" >/dev/null
echo "$out/$name.deb"
