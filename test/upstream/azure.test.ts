import { describe, expect, it } from "vitest";
import { chunksOf, probe } from "./probe.ts";

const DATED = "/openai/deployments/eu-gpt/chat/completions?api-version=2024-10-21";
const V1 = "/openai/v1/chat/completions";
const hello = { messages: [{ role: "user", content: "hello there" }] };
const { ask, text } = probe({ keys: ["k"], models: ["eu-gpt"], context: 20 }, { "api-key": "k" });

describe("Azure dialect", () => {
  it("answers on dated and v1 paths with the version that runs, and filters", async () => {
    for (const [path, body] of [
      [DATED, { ...hello, model: "ignored" }],
      [V1, { ...hello, model: "eu-gpt" }],
    ] as const) {
      expect(await ask(path, body)).toMatchObject({
        status: 200,
        json: {
          model: "gpt-4o-2024-11-20",
          prompt_filter_results: [{ prompt_index: 0 }],
          choices: [{ message: { content: "hello there" }, content_filter_results: { hate: { filtered: false } } }],
        },
      });
    }
  });

  it("opens a stream with what the filters say of the prompt, without an id", async () => {
    const body = { ...hello, stream: true, stream_options: { include_usage: true } };
    const said = await text(DATED, body);
    const chunks = chunksOf(said);
    expect(chunks[0]).toMatchObject({ id: "", model: "", object: "", choices: [] });
    expect(chunks[0]).toHaveProperty("prompt_filter_results");
    expect(chunks[2]).toMatchObject({ choices: [{ content_filter_results: { hate: {} } }] });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 4 } });
    expect(said).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("does not show what was thought", async () => {
    const body = { ...hello, model: "eu-gpt", reasoning_effort: "low" };
    expect(await text(V1, body)).not.toContain("reasoning_content");
  });

  it.each([
    ["no api-version", DATED.split("?")[0], hello, {}, 404, { code: "404", message: "Resource not found" }],
    ["an unknown deployment", DATED.replace("eu-gpt", "us"), hello, {}, 404, { code: "DeploymentNotFound" }],
    ["a bad key", DATED, hello, { "api-key": "x" }, 401, { code: "401" }],
    [
      "an old version's unknown field",
      DATED.replace("2024-10-21", "2024-06-01"),
      { ...hello, stream: true, stream_options: {} },
      {},
      400,
      { message: "Unrecognized request argument supplied: stream_options" },
    ],
    ["OpenAI's own", DATED, { ...hello, temperature: 9 }, {}, 400, { param: "temperature", code: "invalid_value" }],
    [
      "a long prompt",
      DATED,
      { messages: [{ role: "user", content: "word ".repeat(21) }] },
      {},
      400,
      { code: "context_length_exceeded" },
    ],
  ])("refuses %s", async (_, path, body, headers, status, error) => {
    expect(await ask(String(path), body, headers as Record<string, string>)).toMatchObject({ status, json: { error } });
  });

  it("takes the key as a bearer token too", async () => {
    const headers = { "api-key": "k", authorization: "Bearer k" };
    expect((await ask(V1, { ...hello, model: "eu-gpt" }, headers)).status).toBe(200);
  });
});
