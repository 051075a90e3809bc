/** The ledger is exact: as many records as operations, and the tokens that the providers told of. */
import { Agent } from "node:http";
import type { LedgerRecord } from "@oneapi/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "./until.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ workers: 2 });
});
afterAll(() => world?.stop());

const OPERATIONS = 10_000;
const CONNECTIONS = 64;
const MODELS = ["solo", "claude", "pair", "claude-pair"];

interface Operation {
  id: string;
  /** The client left in the middle. */
  left: boolean;
}

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

/** A mix: half of them streams, every 25th of those left by its client. The number tells prompts apart. */
async function operate(number: number): Promise<Operation> {
  const model = MODELS[number % MODELS.length] as string;
  const stream = number % 2 === 1;
  const words = "w ".repeat(number % 7);
  const body = chat(model, `operation ${number} ${words}ends`, { stream });
  if (!stream) {
    const answer = await world.gateway.send("/chat/completions", KEYS.main, body, { agent });
    expect([number, answer.status, answer.text]).toEqual([number, 200, answer.text]);
    return { id: String(answer.headers["x-request-id"]), left: false };
  }
  const left = isLeft(number);
  const opened = await world.gateway.stream("/chat/completions", KEYS.main, body, { agent });
  expect([number, opened.status]).toEqual([number, 200]);
  let events = 0;
  for await (const _ of opened.events) {
    events += 1;
    if (left && events === 2) break;
  }
  if (left) opened.leave();
  return { id: String(opened.headers["x-request-id"]), left };
}

it(`${OPERATIONS} operations at ${CONNECTIONS} connections, some left by the client: exactly ${OPERATIONS} records`, async () => {
  const operations: Operation[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < OPERATIONS) operations.push(await operate(next++));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  expect(operations).toHaveLength(OPERATIONS);

  const records = await until(
    "all records",
    () => world.gateway.records({}),
    (found) => found.length >= OPERATIONS,
    60_000,
  );
  expect(records).toHaveLength(OPERATIONS);
  const byId = new Map(records.map((record) => [record.operation_id, record]));
  expect(byId.size).toBe(OPERATIONS);
  expect(operations.filter((operation) => !byId.has(operation.id))).toEqual([]);

  const recordsOf = (left: boolean) =>
    operations
      .filter((operation) => operation.left === left)
      .map((operation) => byId.get(operation.id) as LedgerRecord);
  const complete = recordsOf(false);
  expect(complete.filter((record) => record.outcome !== "ok" || record.usage_source !== "provider")).toEqual([]);
  const cut = recordsOf(true);
  // Whoever leaves as the last event arrives may have got all of it.
  expect(cut.filter((record) => record.outcome !== "client_closed" && record.outcome !== "ok")).toEqual([]);
  expect(cut.filter((record) => record.usage.prompt_tokens === 0)).toEqual([]);

  expect(sumOf(complete)).toEqual(toldOf());
}, 300_000);

function isLeft(number: number): boolean {
  return number % 50 === 1;
}

function sumOf(records: LedgerRecord[]): { prompt: number; completion: number } {
  return {
    prompt: records.reduce((sum, record) => sum + record.usage.prompt_tokens, 0),
    completion: records.reduce((sum, record) => sum + record.usage.completion_tokens, 0),
  };
}

/** What the providers told in their answers to the operations that nobody left. */
function toldOf(): { prompt: number; completion: number } {
  const sum = { prompt: 0, completion: 0 };
  for (const entry of [...world.primary.log(), ...world.secondary.log(), ...world.claude.log()]) {
    const number = Number(/operation (\d+) /.exec(entry.raw)?.[1]);
    if (isLeft(number) || entry.usage === null) continue;
    sum.prompt += Number(entry.usage.prompt_tokens ?? entry.usage.input_tokens);
    sum.completion += Number(entry.usage.completion_tokens ?? entry.usage.output_tokens);
  }
  return sum;
}
