#!/bin/sh
# Installs the node from the unpacked archive as a system service, or brings one that is installed up to date. Run it as root; it may be
# run again at any time. What is in /etc/lavalink-rust is never changed.
#   PREFIX=/usr/local ./install.sh
# DESTDIR=FOLDER installs into a folder as if it were the machine, without user and service.
set -eu
cd "$(dirname "$0")"
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
user=lavalink-rust
etc=$root/etc/lavalink-rust

say() { printf '== %s\n' "$*"; }

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
  echo "run this as root: sudo $0" >&2
  exit 1
fi
if ! ./lavalink-rust --version >/dev/null; then
  echo "the program does not run here: this archive is for $(cat TARGET), or a library is missing (sound cards: libasound2)" >&2
  exit 1
fi

if [ -z "$root" ] && ! id "$user" >/dev/null 2>&1; then
  say "making the user $user"
  if command -v useradd >/dev/null 2>&1; then
    useradd --system --user-group --home-dir /var/lib/lavalink-rust --no-create-home --shell /usr/sbin/nologin "$user"
  else
    # BusyBox
    addgroup -S "$user"
    adduser -S -D -H -h /var/lib/lavalink-rust -s /sbin/nologin -G "$user" "$user"
  fi
fi

say "installing $prefix/bin/lavalink-rust"
mkdir -p "$root$prefix/bin"
# a file that runs cannot be written, but its name can be given to another
cp lavalink-rust "$root$prefix/bin/.lavalink-rust.new"
chmod 755 "$root$prefix/bin/.lavalink-rust.new"
mv -f "$root$prefix/bin/.lavalink-rust.new" "$root$prefix/bin/lavalink-rust"

mkdir -p "$etc"
if [ ! -e "$etc/application.yml" ]; then
  # it will hold the password
  (umask 027 && cp application.yml "$etc/application.yml")
fi
if [ -z "$root" ]; then
  chgrp "$user" "$etc" "$etc/application.yml"
fi
chmod 750 "$etc"
chmod 640 "$etc/application.yml"

units=$root/etc/systemd/system
if [ -n "$root" ] || [ -d /run/systemd/system ]; then
  mkdir -p "$units"
  sed "s|^ExecStart=/usr/bin/|ExecStart=$prefix/bin/|" lavalink-rust.service >"$units/lavalink-rust.service"
  chmod 644 "$units/lavalink-rust.service"
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable --quiet lavalink-rust
  # one that runs is exchanged; none is started before it has a password
  systemctl try-restart lavalink-rust
fi

say "installed. It needs a password in /etc/lavalink-rust/application.yml:"
say "  edit it, look at it with: $prefix/bin/lavalink-rust check-config --config /etc/lavalink-rust/application.yml"
if [ -d /run/systemd/system ]; then
  say "  and start it now with:    systemctl start lavalink-rust (from then on it starts with the machine)"
else
  say "  and start it, as the user $user, with: $prefix/bin/lavalink-rust --config /etc/lavalink-rust/application.yml"
fi
