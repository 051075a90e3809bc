/** Providers over HTTPS: their certificate must be theirs, signed by an authority that is trusted. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { chat, KEYS } from "./world.ts";

let trusted: Upstream;
let stranger: Upstream;
let gateway: Gateway;
beforeAll(async () => {
  trusted = await startUpstream({ certificate: "localhost" });
  stranger = await startUpstream({ certificate: "stranger" });
  const provider = (name: string, url: string) => ({ name, kind: "openai-compatible", base_url: `${url}/v1` });
  const model = (name: string) => ({ name, targets: [{ provider: name, model: "m" }], retries: 0 });
  gateway = await startGateway({
    config: {
      version: 1,
      providers: [
        provider("trusted", trusted.url),
        provider("stranger", stranger.url),
        { name: "embedder", kind: "dashscope", base_url: `${trusted.url}/api/v1`, credentials: ["secret"] },
        // The right server under a name that its certificate does not hold.
        provider("misnamed", `https://127.0.0.1:${trusted.port}`),
      ],
      models: ["trusted", "embedder", "stranger", "misnamed"].map(model),
      projects: [{ name: "main", keys: [{ name: "main", secret: KEYS.main }] }],
    },
    env: { SSL_CERT_FILE: fileURLToPath(new URL("../upstream/certificates/authority.pem", import.meta.url)) },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([trusted?.stop(), stranger?.stop()]);
});

it("a provider with a good certificate is called by its name", async () => {
  const answer = await gateway.send("/chat/completions", KEYS.main, chat("trusted", "hi"));
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  expect(trusted.log()).toMatchObject([{ server_name: "localhost", headers: { host: `localhost:${trusted.port}` } }]);
});

it("the further calls of an answer go to the same name over the same kind of connection", async () => {
  trusted.clearLog();
  const input = Array.from({ length: 11 }, (_, index) => `text ${index}`);
  const answer = await gateway.send("/embeddings", KEYS.main, { model: "embedder", input });
  expect([answer.status, JSON.parse(answer.text).data?.length]).toEqual([200, 11]);
  const call = { server_name: "localhost", headers: { host: `localhost:${trusted.port}` } };
  expect(trusted.log()).toMatchObject([call, call]);
});

it.each(["stranger", "misnamed"])("a %s is told nothing", async (model) => {
  const before = trusted.log().length;
  const answer = await gateway.send("/chat/completions", KEYS.main, chat(model, "hi"));
  expect(answer.status).toBeGreaterThanOrEqual(502);
  expect(await gateway.record(answer.headers["x-request-id"])).toMatchObject({
    outcome: "provider_error",
    attempts: [{ provider: model, status: null }],
  });
  expect(stranger.log()).toEqual([]);
  expect(trusted.log()).toHaveLength(before);
});
