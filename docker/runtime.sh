#!/bin/sh
# Run while an image is built: ALSA's library for builds with sound cards, a user without rights, the configuration of the packages. It
# holds no password: without LAVALINK_SERVER_PASSWORD, or a file of one's own, the node does not start.
set -eu
apt-get update
apt-get install --yes --no-install-recommends libasound2
rm -rf /var/lib/apt/lists/*
groupadd --system --gid 10001 lavalink-rust
useradd --system --uid 10001 --gid lavalink-rust --groups audio --no-create-home --home-dir /data --shell /usr/sbin/nologin lavalink-rust
install -d -o lavalink-rust -g lavalink-rust /data
install -d /etc/lavalink-rust
"$(dirname "$0")/../packaging/configuration.sh" >/etc/lavalink-rust/application.yml
