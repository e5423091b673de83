# shellcheck shell=bash
# Sourced by the other scripts: what a build needs, installed or named.
# Afterwards the working directory is the project's, and `cargo` is there.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*" >&2; }

# need COMMAND PACKAGE…: installs the packages when the command is missing.
missing=()
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 || missing+=("$@")
}

install_missing() {
  [ ${#missing[@]} -gt 0 ] || return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    # On a terminal sudo may ask for the password; elsewhere it must not.
    if [ -t 0 ]; then root=(sudo); else root=(sudo -n); fi
  fi
  if ! command -v apt-get >/dev/null 2>&1 ||
    { [ ${#root[@]} -gt 0 ] && ! command -v sudo >/dev/null 2>&1; }; then
    say "these packages are missing: ${missing[*]}; install them and start again"
    return 1
  fi
  say "installing ${missing[*]}"
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0)
  if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    # The package lists may be old or absent.
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >/dev/null; then
      say "could not install ${missing[*]}"
      return 1
    fi
  fi
  missing=()
}

need_rust() {
  local wanted=1.90 found
  if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  fi
  found=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*/\1/p') || true
  if ! command -v cargo >/dev/null 2>&1 || [ -z "$found" ]; then
    say "Rust is missing. Install it from https://rustup.rs:"
    say "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    return 1
  fi
  if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    say "Rust $found is too old, $wanted is needed: rustup update stable"
    return 1
  fi
}

# A C compiler and cmake build libopus; pkg-config is asked for system libraries.
need cc build-essential
need make build-essential
need cmake cmake
need pkg-config pkg-config
install_missing
need_rust
