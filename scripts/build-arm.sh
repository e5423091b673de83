#!/usr/bin/env bash
# Builds the node for boards from another machine, and packs it.
#
#   scripts/build-arm.sh [--target T]… [--features B] [--release] [--clean] [--package] [--with TOOL]
#
#   --target T     armv7-unknown-linux-gnueabihf, armv7-unknown-linux-musleabihf, arm-unknown-linux-gnueabihf (ARMv6),
#                  aarch64-unknown-linux-gnu, aarch64-unknown-linux-musl, x86_64-unknown-linux-gnu or x86_64-unknown-linux-musl;
#                  without it all of these. Also arm-unknown-linux-musleabihf: ARMv6 without a C library of the machine's.
#   --features B   tv-box    boards that play to their sound card and to Discord. musl is linked statically, and libasound cannot be:
#                            there it is iot with HE-AAC.
#                  iot       without a sound card
#                  embedded  the smallest
#                  server    what `cargo build` makes; without --features that is taken for x86_64, and tv-box for ARM
#   --release      optimised (minutes per target); without it a debug build. --profile P takes another profile of Cargo.toml.
#   --clean        removes what an earlier build of these targets has left, first
#   --package      packs each into dist/: a tar.gz with an install script, and for glibc a .deb
#   --with TOOL    prepared, gcc, zigbuild or cross; without it the first of them that can build a target:
#     prepared     a toolchain that a file of variables describes: ARM_CROSS_ENV=/path/to/env.sh (linkers, CC_… and PKG_CONFIG_… of each
#                  target; `cargo +arm-cross`, and `cargo-musl` for musl)
#     gcc          rustup's target and Debian's cross compiler: needs what the machine's own Debian has of glibc
#     zigbuild     rustup's target, cargo-zigbuild and zig: glibc 2.31, and musl; on 32-bit ARM libopus is without NEON
#     cross        https://github.com/cross-rs/cross with docker or podman
set -euo pipefail
case " $* " in *" --help "* | *" -h "*)
  sed -n '2,/^set -/p' "$0" | sed '$d; s/^# \{0,1\}//'
  exit 0
  ;;
esac
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

# The oldest glibc that boxes still have: Debian 11, Ubuntu 20.04.
readonly GLIBC=2.31
readonly ALL=(
  armv7-unknown-linux-gnueabihf armv7-unknown-linux-musleabihf arm-unknown-linux-gnueabihf
  aarch64-unknown-linux-gnu aarch64-unknown-linux-musl x86_64-unknown-linux-gnu x86_64-unknown-linux-musl
)
# Built when it is asked for: ARMv6 without a C library of the machine's.
readonly MORE=(arm-unknown-linux-musleabihf)

fail() {
  say "$*"
  exit 2
}

targets=() bundle='' profile=dev clean='' package='' tool=''
while [ $# -gt 0 ]; do
  case $1 in
    --target | --features | --profile | --with)
      [ $# -ge 2 ] || fail "$1 wants a value"
      case $1 in
        --target) targets+=("$2") ;;
        --features) bundle=$2 ;;
        --profile) profile=$2 ;;
        --with) tool=$2 ;;
      esac
      shift
      ;;
    --release) profile=release ;;
    --clean) clean=yes ;;
    --package) package=yes ;;
    *) fail "unknown argument $1; see --help" ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || targets=("${ALL[@]}")
for target in "${targets[@]}"; do
  [[ " ${ALL[*]} ${MORE[*]} " == *" $target "* ]] || fail "unknown target $target; known are: ${ALL[*]} ${MORE[*]}"
done
case $bundle in
  '' | tv-box | iot | embedded | server) ;;
  *) fail "--features $bundle: give tv-box, iot, embedded or server" ;;
esac
case $tool in
  '' | prepared | gcc | zigbuild | cross) ;;
  *) fail "--with $tool: give prepared, gcc, zigbuild or cross" ;;
esac
if [ -n "${ARM_CROSS_ENV:-}" ]; then
  [ -f "$ARM_CROSS_ENV" ] || fail "ARM_CROSS_ENV names $ARM_CROSS_ENV, which is no file"
  # shellcheck source=/dev/null
  . "$ARM_CROSS_ENV"
fi
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
folder=${CARGO_TARGET_DIR:-$PWD/target}

has() { command -v "$1" >/dev/null 2>&1; }
has_std() { [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; }

# bundle_of TARGET, features_of TARGET
bundle_of() {
  case $1 in
    x86_64-*) echo "${bundle:-server}" ;;
    *) echo "${bundle:-tv-box}" ;;
  esac
}
features_of() {
  case $(bundle_of "$1"),$1 in
    server,*) ;;
    tv-box,*musl*) echo --no-default-features --features arm-iot,he-aac ;;
    tv-box,*) echo --no-default-features --features arm-tv-box ;;
    *) echo --no-default-features --features "arm-$(bundle_of "$1")" ;;
  esac
}

# name_of TARGET: as `cargo-musl` of the prepared toolchain calls a target; nothing when it does not know it.
name_of() {
  case $1 in
    aarch64-*-musl) echo aarch64 ;;
    armv7-*-musleabihf) echo armv7 ;;
    arm-*-musleabihf) echo armv6 ;;
  esac
}
gcc_of() {
  case $1 in
    "$(rustc -vV | sed -n 's/^host: //p')") echo cc ;;
    aarch64-*-gnu) echo aarch64-linux-gnu-gcc ;;
    armv7-*-gnueabihf) echo arm-linux-gnueabihf-gcc ;;
    x86_64-*-gnu) echo x86_64-linux-gnu-gcc ;;
    # Debian's compiler for 32-bit ARM and its C library are made for version 7, and it has none for musl.
    *) echo none ;;
  esac
}

# can TOOL TARGET
can() {
  case $1 in
    prepared)
      [ -n "${ARM_CROSS_ENV:-}" ] || return 1
      case $2 in
        aarch64-*-gnu | armv7-*-gnueabihf) true ;;
        *-musl*) has cargo-zigbuild && has cargo-musl ;;
        arm-*-gnueabihf | x86_64-*-gnu) has cargo-zigbuild ;;
        *) false ;;
      esac
      ;;
    gcc) has_std "$2" && has "$(gcc_of "$2")" ;;
    zigbuild) has_std "$2" && has cargo-zigbuild && { has zig || python3 -c 'import ziglang' 2>/dev/null; } ;;
    cross) has cross && { has docker || has podman; } ;;
  esac
}

tool_for() {
  local one
  for one in ${tool:-prepared gcc zigbuild cross}; do
    if can "$one" "$1"; then
      echo "$one"
      return
    fi
  done
  say "nothing here can build $1${tool:+ with $tool}. Any of these does:"
  local gcc
  gcc=$(gcc_of "$1")
  case $gcc in
    none) ;;
    cc) say "  gcc       rustup target add $1" ;;
    *) say "  gcc       rustup target add $1; apt-get install gcc-${gcc%-gcc}" ;;
  esac
  say "  zigbuild  rustup target add $1; cargo install cargo-zigbuild; pip install ziglang"
  say "  cross     cargo install cross --git https://github.com/cross-rs/cross; docker or podman"
  return 1
}

# Sound cards: libasound of the target, found by pkg-config.
explain_alsa() {
  [[ "$(features_of "$1")" == *arm-tv-box* ]] || return 0
  local name=${1//-/_}
  local libdir=PKG_CONFIG_LIBDIR_$name path=PKG_CONFIG_PATH_$name
  [ -z "${!libdir:-}${!path:-}" ] || return 0
  local debian packages
  case $1 in
    aarch64-*) debian=arm64 packages=/usr/lib/aarch64-linux-gnu/pkgconfig ;;
    arm*) debian=armhf packages=/usr/lib/arm-linux-gnueabihf/pkgconfig ;;
    *) return 0 ;;
  esac
  # where Debian has the libraries of other machines; pkg-config must be told that it is meant to look there
  export PKG_CONFIG_ALLOW_CROSS=1 "$libdir=$packages"
  [ -f "$packages/alsa.pc" ] ||
    say "note: tv-box needs libasound2-dev:$debian (dpkg --add-architecture $debian), or $libdir"
}

# build TOOL TARGET CARGO-ARGUMENTS…: the program lies in $folder/TARGET/… then.
build() {
  local tool=$1 target=$2 name=${2//-/_}
  shift 2
  case $tool:$target in
    prepared:aarch64-*-gnu | prepared:armv7-*-gnueabihf)
      cargo "+${ARM_CROSS_TOOLCHAIN:-arm-cross}" build --target "$target" "$@"
      ;;
    prepared:arm-*-gnueabihf)
      # ARMv6 with glibc: zig has its C library; ALSA's is linked against ARMv7's, and the one on the board is loaded.
      local sysroot=PKG_CONFIG_SYSROOT_DIR_armv7_unknown_linux_gnueabihf libdir=PKG_CONFIG_LIBDIR_armv7_unknown_linux_gnueabihf
      env RUSTC_BOOTSTRAP=1 "RUSTUP_TOOLCHAIN=${ARM_CROSS_TOOLCHAIN:-arm-cross}" "CMAKE_TOOLCHAIN_FILE_$name=$PWD/.cargo/no-neon.cmake" \
        "PKG_CONFIG_SYSROOT_DIR_$name=${!sysroot:-}" "PKG_CONFIG_LIBDIR_$name=${!libdir:-}" \
        cargo-zigbuild zigbuild -Zbuild-std=std,panic_unwind --target "$target.$GLIBC" "$@"
      ;;
    prepared:x86_64-*-gnu)
      RUSTUP_TOOLCHAIN=${ARM_CROSS_TOOLCHAIN:-arm-cross} cargo-zigbuild zigbuild --target "$target.$GLIBC" "$@"
      ;;
    prepared:x86_64-*-musl)
      env RUSTC_BOOTSTRAP=1 "RUSTUP_TOOLCHAIN=${ARM_CROSS_TOOLCHAIN:-arm-cross}" RUSTFLAGS="-C link-self-contained=no" \
        cargo-zigbuild zigbuild -Zbuild-std=std,panic_unwind --target "$target" "$@"
      ;;
    prepared:*)
      # what .cargo/config.toml says for 64-bit ARM: the variable of cargo-musl takes its place
      local flags=''
      case $target in aarch64-*) flags='--cfg aes_armv8 --cfg polyval_armv8' ;; esac
      RUSTFLAGS=$flags cargo-musl "$(name_of "$target")" zigbuild "$@"
      ;;
    gcc:*) cargo build --target "$target" "$@" ;;
    zigbuild:*)
      case $target in
        arm*) export "CMAKE_TOOLCHAIN_FILE_$name=$PWD/.cargo/no-neon.cmake" ;;
      esac
      case $target in
        *-gnu*) cargo zigbuild --target "$target.$GLIBC" "$@" ;;
        *) cargo zigbuild --target "$target" "$@" ;;
      esac
      ;;
    cross:*) CARGO_TARGET_DIR=$folder cross build --target "$target" "$@" ;;
  esac
}

programs=() failed=()
for target in "${targets[@]}"; do
  if ! with=$(tool_for "$target"); then
    failed+=("$target")
    continue
  fi
  [ -z "$clean" ] || rm -rf "${folder:?}/$target"
  explain_alsa "$target"
  say "$target, $(bundle_of "$target"), with $with"
  read -ra features <<<"$(features_of "$target")"
  program=$folder/$target/${profile/#dev/debug}/lavalink-rust
  if build "$with" "$target" --locked --profile "$profile" --bin lavalink-rust "${features[@]}"; then
    programs+=("$program")
    [ -z "$package" ] || scripts/package.sh "$target" "$(bundle_of "$target")" "$program"
  else
    failed+=("$target")
  fi
done

[ ${#programs[@]} -eq 0 ] || scripts/needs.sh "${programs[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  say "not built: ${failed[*]}"
  exit 1
fi
