#!/bin/sh
# Prints fresh secrets for compose.yaml as lines of its .env: new ones each time, so keep what you have printed.
set -eu

random() {
  od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

cat <<END
POSTGRES_PASSWORD=$(random 24)
ONEAPI_MASTER_KEY=$(random 32)
ONEAPI_ADMIN_TOKEN=oa-admin-$(random 24)
ONEAPI_GATEWAY_TOKEN=oa-gateway-$(random 24)
END
