#!/bin/sh
# Prints application.yml as packages and images carry it: without the example's password, which everybody knows (the node refuses to
# start without one), and without log files, which the journal or the container's log stand for.
set -eu
cd "$(dirname "$0")/.."
packed=$(sed -e 's|^\( *\)password: "youshallnotpass".*|\1#password: "" # what clients must send; the node does not start without it|' \
  -e 's|^\( *\)path: \./logs/ .*|\1#path: /var/log/lavalink-rust/ # folder of spring.log; without it the terminal only|' application.yml)
# both lines must have been found
if [ "$(printf '%s\n' "$packed" | diff application.yml - | grep -c '^>')" -ne 2 ]; then
  echo "packaging/configuration.sh does not find the password and the folder of the log in application.yml" >&2
  exit 1
fi
printf '%s\n' "$packed"
