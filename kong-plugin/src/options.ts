import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { SYNC_POLICIES, type SyncPolicy } from "./spool/spool.ts";

/** The spool's files are of this size. */
const LEAST_SPOOL_BYTES = 1024 * 1024;

export interface Options {
  socket: string;
  relayPort: number;
  statusHost: string;
  /** 0 picks a free one. */
  statusPort: number;
  controlUrl: string;
  token: string;
  node: string;
  spoolDir: string;
  spoolSync: SyncPolicy;
  spoolMaxBytes: number;
  authorities: string | null;
  /** How long calls under way may go on after SIGTERM. */
  drainMs: number;
}

export const USAGE = `oneapi-kong [options]      the plugin server and the relay beside a Kong
oneapi-kong --dump         prints what Kong's query command wants, and opens nothing

  --socket PATH        unix socket for Kong          ONEAPI_KONG_SOCKET        [/run/oneapi-kong/plugin.sock]
  --relay-port N       of the relay, on loopback     ONEAPI_KONG_RELAY_PORT    [8012]
  --status-port N      /healthz, /readyz, /metrics   ONEAPI_KONG_STATUS_PORT   [8013]
  --status-host ADDR   where that listens            ONEAPI_KONG_STATUS_HOST   [127.0.0.1]
  --control-url URL    of the control service        ONEAPI_CONTROL_URL
  --token-file FILE    with the gateway's token      ONEAPI_GATEWAY_TOKEN (the token itself)
  --node NAME          of this gateway               ONEAPI_NODE               [the host's name]
  --spool-dir DIR      for usage records             ONEAPI_KONG_SPOOL_DIR     [/var/lib/oneapi-kong]
  --spool-sync WHEN    always, interval (each        ONEAPI_KONG_SPOOL_SYNC    [interval]
                       second) or never
  --spool-max-bytes N  no calls are taken beyond     ONEAPI_KONG_SPOOL_MAX_BYTES [268435456]
  --ca FILE            authorities of providers      ONEAPI_CA_FILE            [those of Node.js]
  --drain-seconds N    for calls after SIGTERM       ONEAPI_KONG_DRAIN_SECONDS [20]
`;

/** A command line that cannot be obeyed; the message says why. */
export class UsageError extends Error {}

/** Reads options, and the environment where they are absent. Throws {@link UsageError}. */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): Options {
  const given = parse(args);
  const option = (name: keyof typeof given, variable: string, otherwise: string | null): string => {
    const value = given[name] ?? environment[variable] ?? otherwise;
    if (value === null || value === "") throw new UsageError(`--${name} (or ${variable}) is missing`);
    return value;
  };
  return {
    socket: option("socket", "ONEAPI_KONG_SOCKET", "/run/oneapi-kong/plugin.sock"),
    relayPort: readPort("--relay-port", option("relay-port", "ONEAPI_KONG_RELAY_PORT", "8012")),
    statusPort: readPort("--status-port", option("status-port", "ONEAPI_KONG_STATUS_PORT", "8013")),
    statusHost: option("status-host", "ONEAPI_KONG_STATUS_HOST", "127.0.0.1"),
    controlUrl: readUrl(option("control-url", "ONEAPI_CONTROL_URL", null)),
    token: readToken(given["token-file"], environment.ONEAPI_GATEWAY_TOKEN),
    node: readNode(option("node", "ONEAPI_NODE", hostname())),
    spoolDir: option("spool-dir", "ONEAPI_KONG_SPOOL_DIR", "/var/lib/oneapi-kong"),
    spoolSync: readPolicy(option("spool-sync", "ONEAPI_KONG_SPOOL_SYNC", "interval")),
    spoolMaxBytes: readBytes(option("spool-max-bytes", "ONEAPI_KONG_SPOOL_MAX_BYTES", `${256 * 1024 * 1024}`)),
    authorities: given.ca ?? environment.ONEAPI_CA_FILE ?? null,
    drainMs: 1000 * readSeconds("--drain-seconds", option("drain-seconds", "ONEAPI_KONG_DRAIN_SECONDS", "20")),
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args,
      options: {
        socket: text,
        "relay-port": text,
        "status-port": text,
        "status-host": text,
        "control-url": text,
        "token-file": text,
        node: text,
        "spool-dir": text,
        "spool-sync": text,
        "spool-max-bytes": text,
        ca: text,
        "drain-seconds": text,
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readPort(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new UsageError(`${name} ${text}: must be a port from 0 to 65535`);
}

function readSeconds(name: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageError(`${name} ${text}: must be a whole number of seconds up to 9999`);
}

function readPolicy(text: string): SyncPolicy {
  const policy = SYNC_POLICIES.find((known) => known === text);
  if (policy !== undefined) return policy;
  throw new UsageError(`--spool-sync ${text}: must be one of ${SYNC_POLICIES.join(", ")}`);
}

function readBytes(text: string): number {
  const bytes = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (bytes >= LEAST_SPOOL_BYTES) return bytes;
  throw new UsageError(`--spool-max-bytes ${text}: must be a whole number, at least ${LEAST_SPOOL_BYTES}`);
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new UsageError(`--control-url ${text}: must be an http or https URL`);
}

function readNode(text: string): string {
  if (/^[\x21-\x7e]{1,128}$/.test(text)) return text;
  throw new UsageError(`--node ${text}: must be 1 to 128 printable characters`);
}

function readToken(file: string | undefined, token: string | undefined): string {
  if (file === undefined) {
    if (token) return token;
    throw new UsageError("--token-file (or ONEAPI_GATEWAY_TOKEN) is missing");
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`--token-file: ${(error as Error).message}`);
  }
}
