#!/usr/bin/env bash
# Formatting, lints, documentation, all tests, with every optional part; whether every bundle builds, and the core without std.
# Exit status 0 when everything is in order; a summary stands at the end.
# The conformance harness is not run here but by .ci/run.
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
. "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"

for component in rustfmt clippy; do
  if ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
    command -v rustup >/dev/null 2>&1 || {
      say "$component is missing: install it with your Rust toolchain"
      exit 1
    }
    rustup component add "$component"
  fi
done

# Sound cards are left out where their library is missing and cannot be installed.
optional=tracker
pkg-config --exists alsa || missing+=(libasound2-dev)
install_missing || missing=()
if pkg-config --exists alsa; then
  optional+=,alsa-backend
else
  say "sound cards are left out: libasound2-dev is missing"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=()

say "formatting"
cargo fmt --check || failed+=(formatting)
say "clippy"
cargo clippy --locked --all-targets --features "$optional" -- -D warnings || failed+=(clippy)
for bundle in node arm-embedded arm-iot arm-tv-box; do
  [ "$bundle" != arm-tv-box ] || pkg-config --exists alsa || continue
  say "with $bundle alone"
  cargo check --locked --no-default-features --features "$bundle" || failed+=("a build with $bundle alone")
done
scripts/no_std.sh --host || failed+=("the core without std")
say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --features "$optional" || failed+=(documentation)
say "tests"
cargo test --locked --no-fail-fast --features "$optional" 2>&1 | tee "$log" || failed+=(tests)

say "summary"
awk '
  /^test result:/ { for (i = 1; i < NF; i++) {
    if ($(i + 1) ~ /^passed/) passed += $i
    if ($(i + 1) ~ /^failed/) failures += $i
    if ($(i + 1) ~ /^ignored/) ignored += $i } }
  END { printf "tests: %d passed, %d failed, %d ignored\n", passed, failures, ignored }
' "$log"
if [ ${#failed[@]} -gt 0 ]; then
  say "not in order: ${failed[*]}"
  exit 1
fi
say "all in order"
