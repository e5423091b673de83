#!/usr/bin/env bash
# Builds the node for ARM boards with a prepared toolchain (ARM_CROSS_ENV, see scripts/build-arm.sh), and runs under its emulator:
# the tests that need neither clocks nor processes, the program as a service manager sees it, `play` of the test tone into a file,
# and the tone through node and encrypted voice channel. Targets are the arguments; without any, both that there is glibc for.
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
trap 'rm -rf "$work"' EXIT
failed=()

for target in "$@"; do
  upper=${target^^}
  runner=CARGO_TARGET_${upper//-/_}_RUNNER
  runner=${!runner:-}
  cargo=(cargo "+${ARM_CROSS_TOOLCHAIN:-arm-cross}" test --locked --target "$target" --no-default-features --features "arm-$bundle")
  say "$target: building"
  "${cargo[@]}" --no-run --lib --test plays --test supervision || {
    failed+=("$target: build")
    continue
  }
  say "$target: tests"
  "${cargo[@]}" --lib -- --test-threads=2 "${pure[@]}" || failed+=("$target: tests")
  "${cargo[@]}" --test supervision || failed+=("$target: supervision")
  say "$target: the test tone"
  program=$folder/$target/debug/lavalink-rust
  "$runner" "$program" play tests/data/tone44.mp3 --output "$work/$target.wav" &&
    python3 scripts/tone.py "$work/$target.wav" 12 || failed+=("$target: play")
  "${cargo[@]}" --test plays -- every_container_is_heard_whole || failed+=("$target: a node")
  scripts/package.sh "$target" "$bundle" "$program" "$work" || failed+=("$target: package")
  scripts/needs.sh "$program"
done

if [ ${#failed[@]} -gt 0 ]; then
  say "not in order: $(printf '%s; ' "${failed[@]}")"
  exit 1
fi
say "ARM is in order"
