/**
 * Mutated requests against the real gateway: each is answered, in JSON or as a stream, and the gateway never falls over.
 * `MUTATIONS` says how many (CI: 3,000), `MUTATION_SEED` where to start.
 */
import { Agent } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dataOf, eventsIn, type Incoming } from "./http.ts";
import { mutate, randomFrom } from "./mutate.ts";
import { isAlive } from "./processes.ts";
import { type Sentinel, startSentinel } from "./sentinel.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

const MUTATIONS = Number(process.env.MUTATIONS ?? 3000);
const SEED = Number(process.env.MUTATION_SEED ?? 1);
const CONNECTIONS = 16;
/** So many between two looks at the sentinel; the failing request is among them. */
const ROUND = 500;

let world: World;
let sentinel: Sentinel;
beforeAll(async () => {
  // A mutated request may make a provider refuse; it must never make the test wait.
  world = await startWorld({ timeouts: { first_token: "5s", idle: "5s", total: "10s" } });
  sentinel = await startSentinel(world);
});
afterAll(async () => {
  sentinel?.leave();
  await world?.stop();
});

const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const call = { id: "c1", type: "function", function: { name: "f", arguments: '{"x":"\\u00e9\\n"}' } };
const SEEDS = ["solo", "claude", "claude-pair"]
  .flatMap((model) => [
    chat(model, "hello"),
    chat(model, "héllo 你好 😀", { stream: true, stream_options: { include_usage: true } }),
    chat(model, 'call f {"x":1}', { tools: [tool], tool_choice: "auto", parallel_tool_calls: true, stream: true }),
    {
      model,
      messages: [
        { role: "system", content: [{ type: "text", text: "be brief" }] },
        { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "ok" },
      ],
      tools: [tool],
      temperature: 0.5,
      stop: ["x"],
    },
    chat(model, "json", {
      response_format: {
        type: "json_schema",
        json_schema: { name: "s", schema: { type: "object", properties: { a: { type: "string" } } } },
      },
      reasoning_effort: "low",
      max_completion_tokens: 2000,
    }),
  ])
  .map((body) => Buffer.from(JSON.stringify(body)));

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

it(
  `${MUTATIONS} mutated requests: every one is answered, none traps`,
  async () => {
    const random = randomFrom(SEED);
    const statuses = new Map<number, number>();
    for (let done = 0; done < MUTATIONS; done += ROUND) {
      const count = Math.min(ROUND, MUTATIONS - done);
      const bodies = Array.from({ length: count }, () => mutate(SEEDS[random(SEEDS.length)] as Buffer, random));
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async (_, lane) => {
          for (let at = lane; at < count; at += CONNECTIONS) {
            const body = bodies[at] as Buffer;
            const answer = await world.gateway
              .send("/chat/completions", KEYS.main, body, { agent })
              .catch((problem: unknown) => Promise.reject(new Error(`${problem} for ${show(body)}`)));
            statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
            expectAnswer(answer, body);
          }
        }),
      );
      await sentinel.check();
      for (const upstream of [world.primary, world.secondary, world.claude]) upstream.clearLog();
    }
    expect(isAlive(world.gateway.pid)).toBe(true);
    // Both kinds must be among them, or nothing was tested.
    expect(statuses.get(200)).toBeGreaterThan(0);
    expect(statuses.get(400)).toBeGreaterThan(0);
  },
  Math.max(120_000, MUTATIONS * 20),
);

function expectAnswer(answer: Incoming, body: Buffer): void {
  const fail = (what: string): never => {
    throw new Error(`${what}: ${answer.status} ${answer.text.slice(0, 300)} for ${show(body)}`);
  };
  if (answer.status !== 200 && (answer.status < 400 || answer.status >= 500)) fail("a status that no request deserves");
  const type = answer.headers["content-type"] ?? "";
  try {
    if (type.startsWith("text/event-stream")) {
      for (const data of dataOf(eventsIn(answer.text))) if (data !== "[DONE]") JSON.parse(data);
    } else {
      const json = JSON.parse(answer.text) as { error?: object };
      if (answer.status !== 200 && Object.keys(json.error ?? {}).length !== 4) fail("an error of another shape");
    }
  } catch {
    fail("no JSON");
  }
}

/** The request, to be put into a test of its own. */
function show(body: Buffer): string {
  return `seed ${SEED}: ${body.toString("base64")}`;
}
