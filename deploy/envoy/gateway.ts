import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import type { Part } from "../part.ts";
import { HOST } from "../ports.ts";
import type { Supervisor } from "../supervisor.ts";
import { bootstrap, type Gateway } from "./bootstrap.ts";

/** How long a stopping Envoy may go on with the calls that it is serving. */
const DRAIN_MS = 2_000;
/** The filter hands its records over at most this late. */
const LAST_SYNC_MS = 300;

/** A started Envoy, with its bootstrap in `file`. */
export async function startEnvoy(
  binary: string,
  gateway: Gateway,
  { file, workers }: { file: string; workers: number },
  supervisor: Supervisor,
): Promise<Part> {
  // It holds the gateway's token.
  await writeFile(file, JSON.stringify(bootstrap(gateway), null, 2), { mode: 0o600 });
  return supervisor.start({
    name: gateway.node,
    program: binary,
    args: ["-c", file, "--concurrency", `${workers}`, "--disable-hot-restart", "--log-level", "warn"],
    drain: () => drain(gateway.adminPort),
  });
}

/** Whether the filter itself answers, in every worker as far as that can be asked; with a key, whether it knows it. */
export async function gatewayAnswers(port: number, key: string | null, workers: number): Promise<boolean> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
  const questions = Array.from({ length: workers === 1 ? 1 : workers * 4 }, () =>
    ask(`http://${HOST}:${port}/v1/models`, { headers }),
  );
  const answers = await Promise.all(questions);
  return answers.every((answer) => answer !== null && (key === null ? answer.status < 500 : answer.status === 200));
}

/** Lets the calls in flight come to their end, and their records to the control service. */
async function drain(adminPort: number): Promise<void> {
  const admin = `http://${HOST}:${adminPort}`;
  const active = "http.oneapi.downstream_rq_active";
  const deadline = performance.now() + DRAIN_MS;
  await ask(`${admin}/drain_listeners`, { method: "POST" });
  for (;;) {
    const answer = await ask(`${admin}/stats?filter=^${active}$`);
    if (answer === null || answer.text.trim() === `${active}: 0` || performance.now() > deadline) break;
    await sleep(50);
  }
  await sleep(LAST_SYNC_MS);
}
