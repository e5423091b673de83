#!/usr/bin/env bash
# Builds a bundle and measures what memory it takes: idle, with players, after they have left. Exit status 1 when a limit is broken.
#   ./scripts/memory.sh                    the default features, against the limits of a server
#   ./scripts/memory.sh arm-embedded       a bundle, against its own; likewise arm-iot, arm-tv-box
# More arguments go to scripts/memory.py, which also takes a program that is there already.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
need openssl openssl
need python3 python3
[ "${1:-}" != arm-tv-box ] || missing+=(libasound2-dev)
install_missing

bundle=${1:-server}
shift || true
if [ "$bundle" = server ]; then
  cargo build --release --locked
else
  cargo build --release --locked --no-default-features --features "$bundle"
fi
exec scripts/memory.py "${CARGO_TARGET_DIR:-target}/release/lavalink-rust" --budget "${bundle#arm-}" "$@"
