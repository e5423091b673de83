#!/usr/bin/env bash
# Checks the units in systemd/ without starting them: every key is known and every value fits, and what a service may do to the
# machine stays below an exposure of 2.5 (systemd-analyze's scale, 10 is unconfined). Needs systemd-analyze of systemd 250 or
# newer; systemd itself need not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v systemd-analyze >/dev/null 2>&1; then
  echo "systemd-analyze is missing: install the package systemd" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
for unit in systemd/*.service; do
  # The program need not be installed here: any that exists stands for it.
  sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$work/${unit##*/}"
  # Of unknown keys and bad values systemd-analyze only warns; here they count.
  said=$(systemd-analyze verify "$work/${unit##*/}" 2>&1) || status=1
  if [ -n "$said" ]; then
    printf '%s\n' "$said" >&2
    status=1
  fi
  if ! systemd-analyze security --offline=true --threshold=25 --no-pager "$work/${unit##*/}" >"$work/exposure"; then
    cat "$work/exposure" >&2
    status=1
  fi
  tail -n 1 "$work/exposure"
done
exit $status
