import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "./ask.ts";
import { checkout } from "./checkout.ts";
import { HOST } from "./ports.ts";
import type { Supervisor } from "./supervisor.ts";

/** Where quickstart.yaml says that the fake provider is. */
const PLACEHOLDER = "http://127.0.0.1:9100";

/** The demo's key: made once for a data folder, so that it stays valid from one start to the next. */
export async function demoKey(dataDir: string): Promise<string> {
  const file = join(dataDir, "demo.key");
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    const key = `sk-demo-${randomBytes(16).toString("hex")}`;
    await writeFile(file, `${key}\n`, { mode: 0o600 });
    return key;
  }
}

/** quickstart.yaml with the address at which this start's fake provider listens. */
export async function quickstart(providerPort: number): Promise<string> {
  const yaml = await readFile(join(checkout, "deploy/quickstart.yaml"), "utf8");
  return yaml.replaceAll(PLACEHOLDER, `http://${HOST}:${providerPort}`);
}

/** A provider that makes its answers up, in the dialects of OpenAI and Anthropic. */
export async function startFakeProvider(port: number, supervisor: Supervisor): Promise<void> {
  const args = [join(checkout, "test/upstream/main.ts"), "--port", `${port}`];
  const part = supervisor.start({ name: "fake provider", program: process.execPath, args });
  await part.ready(async () => (await ask(`http://${HOST}:${port}/v1/models`)) !== null);
}
