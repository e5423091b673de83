#!/usr/bin/env bash
# Shows the governor at work: a node plays, programs that never rest take all processors, and end; the level of quality must go
# up and come back, and no frame be lost. About two minutes. PLAYERS, HOGS, THRESHOLD: see examples/governor.rs; PROFILE=dev
# builds faster.
#
# The machine should have nothing else to do. Where it has, ALONE=1 (needs root) shows the node a /proc/stat of its own, made
# once in 200 ms from the processor time of the node and of the hogs, as if nobody else were there.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

profile=${PROFILE:-release}
cargo build --locked --profile "$profile" --example governor
program=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}/examples/governor
if [ -z "${ALONE:-}" ]; then
  exec "$program"
fi
need python3 python3
install_missing
exec unshare --mount python3 scripts/governor.py "$program"
