#!/usr/bin/env bash
# Loads and plays what people paste, through recorded answers of YouTube, SoundCloud and Bandcamp, and compares with what
# Lavalink answered through the same recordings. They are no part of the repository: the argument is the folder that holds
# `replay` and `oracle/sources`, ../shared if there is none. Exit status 0 when all is as scripts/sources.expected says.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

need python3 python3
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
install_missing

shared=${1:-../shared}
[ -f "$shared/replay/replay.py" ] && [ -f "$shared/oracle/sources/ask.py" ] || {
  say "there are no recordings in $shared"
  exit 1
}
profile=${PROFILE:-release}
cargo build --locked --profile "$profile" --bin lavalink-rust
built=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}

# the replay makes its certificates with it
python=python3
if ! python3 -c 'import trustme' 2>/dev/null; then
  [ -x "$built/python/bin/python" ] || python3 -m venv "$built/python"
  python=$built/python/bin/python
  "$python" -c 'import trustme' 2>/dev/null || "$python" -m pip install --quiet trustme
fi
"$python" scripts/sources.py "$shared/replay" "$shared/oracle/sources" "$built/lavalink-rust" scripts/sources.expected "${@:2}"
