import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { rootCertificates } from "node:tls";
import { promisify } from "node:util";
import type { JsonObject, NodeFiles } from "./clusters.ts";

const run = promisify(execFile);

/** A real Envoy's path from `ENVOY_BIN` or `PATH`, or null. */
export async function findEnvoy(): Promise<string | null> {
  const inPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "envoy"));
  for (const candidate of process.env.ENVOY_BIN ? [process.env.ENVOY_BIN] : inPath) {
    const runs = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return candidate;
  }
  return null;
}

export const NO_ENVOY = "there is no Envoy in ENVOY_BIN or PATH";

/** A folder for a test's Envoy. */
export interface TestFolder {
  readonly path: string;
  /** A Wasm filter that does nothing, and a certificate authority. */
  readonly files: NodeFiles;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), "oneapi-xds-"));
  const files = { wasm: join(path, "filter.wasm"), ca: join(path, "ca.pem") };
  await writeFile(files.wasm, emptyFilter());
  await writeFile(files.ca, rootCertificates[0] as string);
  return { path, files, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Lets Envoy check a bootstrap; answers what it complains of, "" when nothing. */
export async function validate(envoy: string, folder: string, bootstrap: JsonObject): Promise<string> {
  const file = join(folder, "validate.json");
  await writeFile(file, JSON.stringify(bootstrap));
  try {
    const { stderr } = await run(envoy, ["--mode", "validate", "-c", file, "-l", "warn"], { timeout: 30_000 });
    return stderr;
  } catch (error) {
    return (error as { stderr?: string }).stderr || String(error);
  }
}

export interface RunningEnvoy {
  /** The body of a path of Envoy's admin interface. */
  admin(path: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts an Envoy with a bootstrap whose admin interface is on a port that Envoy picks. */
export async function startEnvoy(envoy: string, folder: string, bootstrap: JsonObject): Promise<RunningEnvoy> {
  const file = join(folder, "bootstrap.json");
  const addressFile = join(folder, "admin-address");
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  await writeFile(file, JSON.stringify({ ...bootstrap, admin }));
  const options = ["-c", file, "--admin-address-path", addressFile, "--concurrency", "1", "--disable-hot-restart"];
  const child: ChildProcess = spawn(envoy, [...options, "-l", "off"], { stdio: "ignore" });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  try {
    const address = await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`Envoy ended with ${child.exitCode}`);
      return (await readFile(addressFile, "utf8").catch(() => "")) || null;
    });
    return { admin: async (path) => (await fetch(`http://${address}${path}`)).text(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks again and again until there is an answer, for at most 15 s. */
export async function eventually<Answer>(ask: () => Promise<Answer | null>): Promise<Answer> {
  const end = performance.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > end) throw new Error("it did not come true in 15 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The smallest module that Envoy takes for a filter: an ABI version, an allocator and a memory. */
function emptyFilter(): Buffer {
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  const section = (id: number, content: number[]) => [id, content.length, ...content];
  return Buffer.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    // Types: () -> () and (i32) -> i32.
    ...section(1, [2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f]),
    ...section(3, [2, 0, 1]),
    ...section(5, [1, 0, 1]),
    ...section(7, [
      3,
      ...[...name("memory"), 2, 0],
      ...[...name("proxy_abi_version_0_2_1"), 0, 0],
      ...[...name("proxy_on_memory_allocate"), 0, 1],
    ]),
    // Bodies: nothing, and the constant address 1024.
    ...section(10, [2, 2, 0, 0x0b, 5, 0, 0x41, 0x80, 0x08, 0x0b]),
  ]);
}
