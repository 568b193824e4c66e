#!/bin/sh
# Installs the browser that the tests drive: Chromium from the distribution, and a
# font with Chinese letters for the screenshots. Needs the right to install packages.
set -eu
if [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  echo "there is a browser at ${CHROMIUM:-/usr/bin/chromium}"
  exit 0
fi
echo "installing chromium, curl and fonts-noto-cjk with apt-get"
apt-get update
apt-get install -y --no-install-recommends chromium curl fonts-noto-cjk
