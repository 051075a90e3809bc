#!/bin/sh
# `npm run bench`: installs what it needs and compares OneAPI with plain Envoy.
set -eu
INIT_CWD=${INIT_CWD:-$PWD}
export INIT_CWD
cd "$(dirname "$0")/../.."
. deploy/install.sh
exec node_modules/.bin/node test/bench/run.ts "$@"
