/** A provider with several credentials: used in turn, changed for a retry, rested when the provider refuses or slows them down. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import { type Gateway, startGateway } from "./gateway.ts";

const KEY = "sk-e2e-pools-00000000000";
const CHAT = "/chat/completions";
/** The model of each case, whose provider has credentials of its own: a rest in one case is none in another. */
const CASES = ["turns", "revoked", "retry", "slowed"] as const;

let upstream: Upstream;
let other: Upstream;
let gateway: Gateway;
beforeAll(async () => {
  upstream = await startUpstream({ keys: CASES.flatMap(credentialsOf) });
  other = await startUpstream({ keys: ["other-1"] });
  gateway = await startGateway({ config: configOf() });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstream?.stop(), other?.stop()]);
});
beforeEach(() => {
  for (const one of [upstream, other]) {
    one.clearScript();
    one.clearLog();
  }
});

function credentialsOf(name: string): string[] {
  return [`${name}-1`, `${name}-2`];
}

function configOf(): object {
  const provider = (name: string, of: Upstream, credentials: string[]) => ({
    name,
    kind: "openai",
    base_url: `${of.url}/v1`,
    credentials,
  });
  return {
    version: 1,
    providers: [
      ...CASES.map((name) => provider(name, upstream, credentialsOf(name))),
      provider("other", other, ["other-1"]),
    ],
    models: CASES.map((name) => ({
      name,
      targets: [
        { provider: name, model: "gpt-4.1-mini" },
        ...(name === "slowed" ? [{ provider: "other", model: "gpt-4.1-mini", priority: 1 }] : []),
      ],
      retries: 1,
    })),
    projects: [{ name: "main", models: ["*"], keys: [{ name: "main", secret: KEY }] }],
  };
}

/** The credentials of the calls that the upstream got, one for each. */
function used(of = upstream): (string | undefined)[] {
  return of.log().map(({ headers }) => headers.authorization?.replace("Bearer ", ""));
}

async function ask(model: string) {
  const answer = await gateway.send(CHAT, KEY, { model, messages: [{ role: "user", content: "hi" }] });
  return { status: answer.status, id: answer.headers["x-request-id"] };
}

it("credentials are used in turn", async () => {
  for (let i = 0; i < 4; i++) expect((await ask("turns")).status).toBe(200);
  expect(used()).toEqual(["turns-1", "turns-2", "turns-1", "turns-2"]);
});

it("a credential that is refused costs one attempt, and rests", async () => {
  upstream.script({ match: { key: "revoked-2" }, status: 401, times: 0 });
  for (let i = 0; i < 6; i++) expect((await ask("revoked")).status).toBe(200);
  expect(used().filter((key) => key === "revoked-2")).toHaveLength(1);
  expect(used()).toHaveLength(7);
});

it("a retry at the only target takes another credential", async () => {
  upstream.script({ status: 503 });
  const { status, id } = await ask("retry");
  expect(status).toBe(200);
  expect(used()).toEqual(["retry-1", "retry-2"]);
  expect(await gateway.record(id)).toMatchObject({
    outcome: "ok",
    attempts: [
      { provider: "retry", status: 503 },
      { provider: "retry", status: 200 },
    ],
  });
});

it("while all credentials rest the next target serves at once, until the first returns", async () => {
  upstream.script({ status: 429, headers: { "retry-after": "3" }, times: 0 });
  for (let i = 0; i < 4; i++) expect((await ask("slowed")).status).toBe(200);
  expect(used()).toEqual(["slowed-1", "slowed-2"]);
  expect(used(other)).toHaveLength(4);
  upstream.clearScript();
  await sleep(3500);
  const { id } = await ask("slowed");
  expect(used()).toHaveLength(3);
  expect(await gateway.record(id)).toMatchObject({ provider: "slowed", attempts: [{ status: 200 }] });
});
