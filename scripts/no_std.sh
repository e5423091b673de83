#!/usr/bin/env bash
# The core without std (feature `no-std-compat`): its lints, its checks under the test harness, and, where a toolchain with the
# sources of core and alloc, an ARM linker and an emulator are there, the same checks as a program for a Cortex-M4 without a
# system. Exit status 0 when all of it holds; --host leaves bare metal out.
#
# NO_STD_TOOLCHAIN (arm-cross), NO_STD_LINKER (arm-linux-gnueabihf-ld), NO_STD_EMULATOR (qemu-arm) name the tools.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

manifest=tests/no_std/Cargo.toml
built=${CARGO_TARGET_DIR:-target}/no_std
target=thumbv7em-none-eabihf

say "without std: lints"
cargo clippy --locked --lib --no-default-features --features no-std-compat -- -D warnings
say "without std: checks"
cargo test --locked --quiet --lib --manifest-path "$manifest" --target-dir "$built"
[ "${1:-}" != --host ] || exit 0

toolchain=${NO_STD_TOOLCHAIN:-arm-cross}
linker=${NO_STD_LINKER:-arm-linux-gnueabihf-ld}
emulator=${NO_STD_EMULATOR:-qemu-arm}
library=$(rustc "+$toolchain" --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library || true
command -v "$emulator" >/dev/null || emulator=/opt/arm-cross/bin/qemu-arm
for needed in "$library/core" "$(command -v "$linker" || echo "$linker")" "$emulator"; do
  if [ ! -e "$needed" ]; then
    say "bare metal is left out: there is no $needed"
    exit 0
  fi
done

say "bare metal: $target"
# building core and alloc is allowed on a release with this
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C linker=$linker -C linker-flavor=ld" \
  cargo "+$toolchain" build --locked --quiet --manifest-path "$manifest" --features bare --bin bare \
  -Z build-std=core,alloc --target "$target" --target-dir "$built"
timeout 300 "$emulator" -cpu cortex-m4 "$built/$target/debug/bare"
