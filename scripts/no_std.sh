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
# a program for this processor makes qemu 7.2 stop at an assertion; 10 runs it
emulator=$(dirname "${ARM_CROSS_ENV:-}")/bin/qemu-arm # that of the toolchain, if there is one
[ -x "$emulator" ] || emulator=qemu-arm
emulator=${NO_STD_EMULATOR:-$emulator}
library=$(rustc "+$toolchain" --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library || true
lacks=()
[ -d "$library/core" ] || lacks+=("sources of core for the toolchain $toolchain")
command -v "$linker" >/dev/null || lacks+=("$linker")
command -v "$emulator" >/dev/null || lacks+=("$emulator")
if [ ${#lacks[@]} -gt 0 ]; then
  say "bare metal is left out; there is no: ${lacks[*]}"
  exit 0
fi

say "bare metal: $target"
# building core and alloc is allowed on a release with this
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C linker-flavor=ld" CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER=$linker \
  cargo "+$toolchain" build --locked --quiet --manifest-path "$manifest" --features bare --bin bare \
  -Z build-std=core,alloc --target "$target" --target-dir "$built"
timeout 300 "$emulator" -cpu cortex-m4 "$built/$target/debug/bare"
