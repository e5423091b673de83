#!/usr/bin/env bash
# Installs what is missing, builds the node and starts it with application.yml. Arguments are handed on:
#   ./scripts/run.sh                       serve, as application.yml says
#   ./scripts/run.sh play song.mp3 --output song.ogg
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

cargo build --release --locked
node=${CARGO_TARGET_DIR:-target}/release/lavalink-rust
if [ $# -gt 0 ]; then
  exec "$node" "$@"
fi
exec "$node" --config application.yml
