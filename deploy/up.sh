#!/bin/sh
# Starts OneAPI from a checkout. `exec`, so that signals and the exit code are up.ts's own.
set -eu
INIT_CWD=${INIT_CWD:-$PWD}
export INIT_CWD
cd "$(dirname "$0")/.."
. deploy/install.sh
exec node_modules/.bin/node deploy/up.ts "$@"
