#!/usr/bin/env bash
# Compares every filter with recordings of Lavalink's own, through `lavalink-rust play`. The recordings are no part of the
# repository: the argument is their folder, ../shared/oracle/filters if there is none. Needs Python with numpy. Exit status 0
# when just those cases differ that scripts/filters.expected lists.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

need python3 python3
python3 -c 'import numpy' 2>/dev/null || missing+=(python3-numpy)
install_missing

oracle=${1:-../shared/oracle/filters}
[ -f "$oracle/compare.py" ] || {
  say "there are no recordings in $oracle"
  exit 1
}
profile=${PROFILE:-release}
cargo build --locked --profile "$profile" --bin lavalink-rust --example filter_events
built=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
python3 scripts/filters.py "$oracle" "$built/lavalink-rust" "$built/examples/filter_events" scripts/filters.expected
