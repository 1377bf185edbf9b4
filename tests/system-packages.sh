#!/usr/bin/env bash
# Installs, on Debian, the programs that tests run against: Chromium, Redis, Prometheus, nginx; with
# the argument "release" also Firefox, WebKit (and a display for it), and what generated clients are
# compiled with. Does nothing when they are there.
set -euo pipefail

missing=()
PATH=$PATH:/usr/sbin
command -v chromium >/dev/null || missing+=(chromium)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v nginx >/dev/null || missing+=(nginx)
command -v promtool >/dev/null || missing+=(prometheus)
if [ "${1:-}" = release ]; then
  command -v firefox-esr >/dev/null || missing+=(firefox-esr)
  command -v WebKitWebDriver >/dev/null || missing+=(webkit2gtk-driver)
  command -v Xvfb >/dev/null || missing+=(xvfb)
  command -v javac >/dev/null || missing+=(default-jdk-headless)
  command -v go >/dev/null || missing+=(golang-go)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
if ! command -v apt-get >/dev/null || { [ ${#as_root[@]} -gt 0 ] && ! command -v sudo >/dev/null; }; then
  echo "The tests need ${missing[*]}: install them with your system's package manager." >&2
  exit 1
fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
