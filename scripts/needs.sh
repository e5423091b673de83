#!/usr/bin/env bash
# What programs need of the machine that runs them: architecture, newest symbol of the C library, shared libraries, size.
#   scripts/needs.sh FILE…            a row of a table (Markdown) for each
#   scripts/needs.sh --depends FILE   the same as Debian's `Depends:`
set -euo pipefail

if ! command -v readelf >/dev/null 2>&1; then
  echo "readelf is missing: install the package binutils" >&2
  exit 1
fi

# newest FILE PREFIX: the newest version of a library's symbols that is asked for, such as GLIBC_ and 2.30; nothing if none is.
newest() {
  readelf --version-info --wide "$1" | { grep -oE "\b$2[0-9]+(\.[0-9]+)+\b" || true; } | sed "s/^$2//" | sort -Vu | tail -n 1
}

libraries() {
  readelf --dynamic --wide "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort
}

architecture() {
  local machine cpu
  machine=$(readelf --file-header --wide "$1" | sed -n 's/^ *Machine: *//p')
  cpu=$(readelf --arch-specific "$1" 2>/dev/null | sed -n 's/^ *Tag_CPU_arch: *//p' | head -n 1)
  echo "$machine${cpu:+ $cpu}"
}

# The packages that have the libraries, in Debian and Ubuntu since 2020. A library that is not known here is an error: somebody
# has to find out its package.
depends() {
  local library list=() version
  for library in $(libraries "$1"); do
    case $library in
      libc.so.6)
        version=$(newest "$1" GLIBC_)
        list+=("libc6 (>= ${version:-2.17})")
        ;;
      libgcc_s.so.1) list+=("libgcc-s1 | libgcc1") ;;
      libasound.so.2) list+=("libasound2 (>= 1.1.1) | libasound2t64") ;;
      # parts of libc6
      libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1 | ld-linux*.so.*) ;;
      *)
        echo "$1 needs $library, of which no package is known" >&2
        return 1
        ;;
    esac
  done
  printf '%s\n' "${list[@]}" | paste -sd, | sed 's/,/, /g'
}

if [ "${1:-}" = --depends ]; then
  depends "$2"
  exit
fi
[ $# -gt 0 ] || {
  sed -n '2,4p' "$0" >&2
  exit 2
}
echo '| program | architecture | glibc | libraries | size |'
echo '|---|---|---|---|---|'
for file in "$@"; do
  glibc=$(newest "$file" GLIBC_)
  needed=$(libraries "$file" | paste -sd' ')
  printf '| %s | %s | %s | %s | %s MB |\n' "$file" "$(architecture "$file")" "${glibc:-none}" "${needed:-none}" \
    "$(awk -v bytes="$(stat -c %s "$file")" 'BEGIN { printf "%.1f", bytes / 1e6 }')"
done
