#!/bin/sh
# `npm test` (all) and `npm run check` (without the tests that take minutes): installs what they need and runs them.
set -eu
cd "$(dirname "$0")/.."
. deploy/install.sh
exec node_modules/.bin/node test/run.ts "${1:-all}"
