#!/usr/bin/env bash
# Builds the node for ARM boards with a prepared toolchain (ARM_CROSS_ENV, see scripts/build-arm.sh), and runs under its emulator:
# the tests that need neither clocks nor processes, `play` of the test tone into a file, the program as a service, and the tone through
# a node and an encrypted voice channel. Targets are the arguments; without any, both that there is glibc for.
# BUNDLE is tv-box (default), iot or embedded.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

need python3 python3
need readelf binutils
install_missing
[ -f "${ARM_CROSS_ENV:-}" ] || {
  say "ARM_CROSS_ENV must name the file of variables of a toolchain"
  exit 1
}
# shellcheck source=/dev/null
. "$ARM_CROSS_ENV"
[ $# -gt 0 ] || set -- armv7-unknown-linux-gnueabihf aarch64-unknown-linux-gnu

# Everything that decides or computes. Left out are modules whose tests open sockets or start programs: they test Linux, not ARM.
pure=(config:: dsp:: frame:: governor:: media::codec media::demux media::opus pcm:: playback:: player:: protocol:: session::
  stats:: track:: units::)
bundle=${BUNDLE:-tv-box}
folder=${CARGO_TARGET_DIR:-$PWD/target}
work=$(mktemp -d)
node=''
# shellcheck disable=SC2317,SC2329 # called by the trap
cleanup() {
  [ -z "$node" ] || kill -KILL "$node" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
failed=()
# of properties: an emulator takes ten times as long for each
export PROPTEST_CASES=${PROPTEST_CASES:-32}

# start_and_stop RUNNER PROGRAM: a node that becomes healthy within a minute, and ends well when it is told to.
start_and_stop() {
  local port result=1
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || return 1
  printf '{ server: { port: %s, address: 127.0.0.1 }, lavalink: { server: { password: hidden } } }\n' "$port" >"$work/node.yml"
  "$1" "$2" --config "$work/node.yml" >"$work/node.log" 2>&1 &
  node=$!
  for _ in $(seq 60); do
    if "$1" "$2" --config "$work/node.yml" health 2>"$work/health.log"; then
      result=0
      break
    fi
    sleep 1
  done
  kill -TERM "$node" && wait "$node" || result=1
  node=''
  [ $result -eq 0 ] || cat "$work/node.log" "$work/health.log" >&2
  return $result
}

for target in "$@"; do
  upper=${target^^}
  runner=CARGO_TARGET_${upper//-/_}_RUNNER
  runner=${!runner:-}
  cargo=(cargo "+${ARM_CROSS_TOOLCHAIN:-arm-cross}" test --locked --profile emulated --target "$target" --no-default-features --features "arm-$bundle")
  say "$target: building"
  "${cargo[@]}" --no-run --lib --test plays || {
    failed+=("$target: build")
    continue
  }
  say "$target: tests"
  "${cargo[@]}" --lib -- --test-threads=2 "${pure[@]}" || failed+=("$target: tests")
  say "$target: the test tone"
  program=$folder/$target/emulated/lavalink-rust
  "$runner" "$program" play tests/data/tone44.mp3 --output "$work/$target.wav" &&
    python3 scripts/tone.py "$work/$target.wav" 12 || failed+=("$target: play")
  say "$target: a node"
  start_and_stop "$runner" "$program" || failed+=("$target: start and stop")
  # It goes by the clock, and a busy machine may hold the emulator up: one time in three it must come out whole.
  for try in 1 2 3; do
    "${cargo[@]}" --test plays -- a_single_track_is_heard_whole_also_where_keys_take_long && break
    [ "$try" -lt 3 ] || failed+=("$target: a node")
  done
  scripts/needs.sh "$program" || failed+=("$target: what it needs")
done

if [ ${#failed[@]} -gt 0 ]; then
  say "not in order: $(printf '%s; ' "${failed[@]}")"
  exit 1
fi
say "ARM is in order"
