#!/usr/bin/env bash
# Plays on sound cards of software that keep real time, and hears what came out: formats, rates, channels, latency, a card that runs dry, is
# unplugged, or belongs to somebody else, two players on one card. The card (paced.c) is no part of the repository: the
# argument is its folder, ../shared/arm if there is none. Exit status 0 when all is as it should be.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

need python3 python3
pkg-config --exists alsa || missing+=(libasound2-dev)
install_missing

card=${1:-../shared/arm}/paced.c
[ -f "$card" ] || {
  say "there is no card at $card"
  exit 1
}
profile=${PROFILE:-dev}
cargo build --locked --profile "$profile" --features alsa-backend --example device_play
built=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
python3 scripts/alsa.py "$card" "$built/examples/device_play"
