/** OneAPI as a user starts it: `npm run up` with oneapi.yaml. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkout } from "../../deploy/checkout.ts";
import type { GatewayKind } from "../../deploy/flags.ts";
import { HOST } from "../../deploy/ports.ts";
import { answersChat, type Gateway } from "./envoys.ts";
import type { Processes } from "./processes.ts";

const CONFIG = fileURLToPath(new URL("oneapi.yaml", import.meta.url));
/** Where oneapi.yaml says that the upstream is. */
const PLACEHOLDER = "http://127.0.0.1:9100";
const START_MS = 120_000;

/** The control service of a running `up`; `token` is the gateways'. */
export type Control = { port: number; pid: number; token: string };

export type Up = { gateway: Gateway; control: Control; dataDir: string };

/** The line that `up --json` prints once everything answers. */
type UpLine = { gateways: { base_url: string; pid: number }[]; admin_url: string; control_pid: number };

/** Starts it with one gateway and its state in `folder`, and waits until chats are answered. */
export async function startUp(
  kind: GatewayKind,
  folder: string,
  upstreamPort: number,
  processes: Processes,
): Promise<Up> {
  const config = join(folder, "oneapi.yaml");
  const yaml = await readFile(CONFIG, "utf8");
  await writeFile(config, yaml.replaceAll(PLACEHOLDER, `http://${HOST}:${upstreamPort}`));
  const dataDir = join(folder, "data");
  const flags = ["--json", "--gateway", kind, "--workers", "1", "--no-demo", "--port", "0", "--control-port", "0"];
  const program = [process.execPath, join(checkout, "deploy/up.ts")];
  const up = processes.start("up", [...program, ...flags, "--config", config, "--data-dir", dataDir]);
  const line = JSON.parse(await up.firstLine(START_MS)) as UpLine;
  const [gateway] = line.gateways;
  if (gateway === undefined) throw new Error("up names no gateway");
  const port = Number(new URL(gateway.base_url).port);
  await up.until(() => answersChat(port, "unlimited"));
  await up.until(() => answersChat(port, "limited"));
  const token = (await readFile(join(dataDir, "gateway.token"), "utf8")).trim();
  const control = { port: Number(new URL(line.admin_url).port), pid: line.control_pid, token };
  return { gateway: { port, pid: gateway.pid }, control, dataDir };
}
