#!/bin/sh
# `npm run fuzz`: installs what it needs and plays mutated inputs in both builds of the core.
set -eu
cd "$(dirname "$0")/../.."
. deploy/install.sh
exec node_modules/.bin/node test/fuzz/run.ts "$@"
