/** What the tests of the manifests compare them with: the programs' own readers of options, and Kong's configuration. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { type Options, readOptions } from "../../kong-plugin/src/options.ts";
import { checkout } from "../checkout.ts";
import { ONEAPI } from "../control.ts";

export function read(path: string): string {
  return readFileSync(join(checkout, path), "utf8");
}

/** Merge keys are YAML 1.1's, and compose's. */
export function readYaml<Value>(path: string): Value {
  return parse(read(path), { merge: true }) as Value;
}

export function readDocuments(path: string): { kind: string; metadata: { name: string } }[] {
  return parseAllDocuments(read(path)).map((document) => document.toJS());
}

/** The lines of kong.conf. */
export function kongConf(): Record<string, string> {
  const lines = [...read("deploy/kong/kong.conf").matchAll(/^(\w+) = (.*)$/gm)];
  return Object.fromEntries(lines.map(([, name = "", value = ""]) => [name, value]));
}

export interface KongService {
  url: string;
  retries: number;
  connect_timeout: number;
  read_timeout: number;
  write_timeout: number;
}

/** The Service of kong.yml. */
export function kongService(): KongService {
  const [service] = readYaml<{ services: KongService[] }>("deploy/kong/kong.yml").services;
  if (service === undefined) throw new Error("kong.yml has no Service");
  return service;
}

/** The port at which kong.yml looks for the relay, which the programs of all manifests must open. */
export function relayPort(): number {
  return Number(new URL(kongService().url).port);
}

/** What oneapi-kong makes of a command line and an environment; a file with the token is looked for in no place of the test's. */
export function optionsOf(args: string[], environment: Record<string, string> = {}): Options & { tokenFile: string } {
  const folder = mkdtempSync(join(tmpdir(), "oneapi-manifest-"));
  const standIn = join(folder, "token");
  writeFileSync(standIn, "token");
  let tokenFile = "";
  const words = args.flatMap((arg) => (arg.startsWith("--") && arg.includes("=") ? splitOption(arg) : [arg]));
  const known = words.map((word, at) => {
    if (words[at - 1] !== "--token-file") return word;
    tokenFile = word;
    return standIn;
  });
  try {
    return { ...readOptions(known, environment), tokenFile };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function splitOption(arg: string): string[] {
  const at = arg.indexOf("=");
  return [arg.slice(0, at), arg.slice(at + 1)];
}

/** Fails unless `oneapi` takes these arguments: the only thing that it finds wrong is a level that is none. */
export function expectServeTakes(args: string[]): void {
  const told = spawnSync(process.execPath, [...ONEAPI, ...args, "--log-level", "none-such"], { encoding: "utf8" });
  expect(told.stderr).toContain("--log-level must be one of");
  expect(told.status).toBe(2);
}

/** Fails unless a file of this place in the checkout is there. */
export function expectFile(path: string): void {
  expect(existsSync(join(checkout, path)), `${path} is there`).toBe(true);
}

/** `10s`, `2m`. */
export function secondsOf(text: string): number {
  const [, count = "", unit = ""] = /^(\d+)(s|m)$/.exec(text) ?? [];
  if (count === "") throw new Error(`${text} is no time`);
  return Number(count) * (unit === "m" ? 60 : 1);
}
