import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { IMAGES, MORE, ProviderRequest } from "../../exchange.ts";
import { encodeUtf8 } from "../../text.ts";
import { exchangeFor, type JsonObject, send } from "./harness.ts";

const drawn = (model: string, members: JsonObject = {}) =>
  send({ model: "demo", prompt: "a cat", ...members }, { endpoint: IMAGES, model });

describe("where images are asked for", () => {
  test.each([
    ["wanx2.1-t2i-turbo", "text2image/image-synthesis"],
    ["wanx-v1", "text2image/image-synthesis"],
    ["wan2.2-t2i-flash", "text2image/image-synthesis"],
    ["wan2.5-t2i-preview", "text2image/image-synthesis"],
    ["wan2.6-t2i", "image-generation/generation"],
    ["wan2.7-image-pro", "image-generation/generation"],
    ["qwen-image-max", "multimodal-generation/generation"],
    ["qwen-image-2.0-pro", "multimodal-generation/generation"],
    ["z-image-turbo", "multimodal-generation/generation"],
  ])("%s", (model, service) => {
    const { path, headers } = drawn(model);
    expect(path).toBe(`/api/v1/services/aigc/${service}`);
    expect(headers["x-dashscope-async"]).toBe(service.startsWith("multimodal") ? undefined : "enable");
  });
});

describe("what is asked for", () => {
  test.each<[JsonObject, JsonObject]>([
    [{ size: "1024x1536" }, { size: "1024*1536" }],
    [{ size: "1024*1536" }, { size: "1024*1536" }],
    [{ size: "auto", quality: "auto", background: "auto" }, {}],
    [
      { n: 3, seed: 7, prompt_extend: false },
      { n: 3, seed: 7, prompt_extend: false },
    ],
    [{ style: "vivid", quality: "hd", user: "ada", n: null }, {}],
  ])("%j", (members, parameters) => {
    expect(drawn("wan2.2-t2i-flash", members).body.parameters).toEqual(parameters);
  });

  test.each<[JsonObject, string]>([
    [{ prompt: "" }, "prompt"],
    [{ prompt: ["a"] }, "prompt"],
    [{ prompt: null }, "prompt"],
    [{ n: 0 }, "n"],
    [{ n: 11 }, "n"],
    [{ n: "2" }, "n"],
    [{ size: 1024 }, "size"],
    [{ size: "big" }, "size"],
    [{ response_format: "b64_json" }, "response_format"],
    [{ stream: true }, "stream"],
  ])("but not %j", (members, param) => {
    expect(drawn("wan2.2-t2i-flash", members).problem).toMatchObject({ status: 400, param });
  });
});

describe("a task", () => {
  const begin = () => {
    const exchange = exchangeFor({ model: "demo", prompt: "a cat" }, { endpoint: IMAGES, model: "wan2.2-t2i-flash" });
    exchange.request("sk", new ProviderRequest());
    const out = new ByteWriter(0);
    const state = (output: object) => exchange.part(0, encodeUtf8(JSON.stringify({ output })), out);
    expect(state({ task_id: "t-1", task_status: "PENDING" })).toBe(MORE);
    return { exchange, state };
  };

  test("has one poll under way at a time, each a second after the last", () => {
    const { exchange, state } = begin();
    for (let i = 0; i < 3; i++) {
      const poll = new ProviderRequest();
      expect(exchange.further("sk", poll)).toBe(true);
      expect(poll).toMatchObject({ method: "GET", path: "/api/v1/tasks/t-1", waitMs: 1000 });
      expect(poll.headers).toContain("Bearer sk");
      expect(exchange.further("sk", new ProviderRequest())).toBe(false);
      state({ task_id: "t-1", task_status: "RUNNING" });
    }
  });

  test("is given up when five polls in a row are refused or lost, and no sooner", () => {
    const { exchange, state } = begin();
    const lost = [0, 429, 503, 0];
    for (const status of lost) expect(exchange.forgives(status)).toBe(true);
    state({ task_id: "t-1", task_status: "RUNNING" });
    for (const status of lost) expect(exchange.forgives(status)).toBe(true);
    expect(exchange.forgives(500)).toBe(false);
  });

  test.each([400, 401, 403, 404])("is given up at once when a poll is answered %i", (status) => {
    expect(begin().exchange.forgives(status)).toBe(false);
  });

  test("that was not made is not asked for", () => {
    const exchange = exchangeFor({ model: "demo", prompt: "a cat" }, { endpoint: IMAGES, model: "wan2.2-t2i-flash" });
    exchange.request("sk", new ProviderRequest());
    expect(exchange.forgives(503)).toBe(false);
    expect(exchange.further("sk", new ProviderRequest())).toBe(false);
  });
});
