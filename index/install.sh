#!/bin/sh
# Installs the PostgreSQL that the tests start for themselves, and no cluster of the system.
# Needs the right to install packages.
set -eu
if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then
  echo "there is a PostgreSQL"
  exit 0
fi
echo "installing postgresql with apt-get"
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
apt-get update
apt-get install -y --no-install-recommends postgresql
