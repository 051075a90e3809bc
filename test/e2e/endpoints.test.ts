/** The endpoints beside chat: legacy completions, embeddings, images, models. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());
const client = (key: string = KEYS.main) => world.gateway.client(key);

describe("embeddings", () => {
  it("work with the SDK's default encoding and with floats", async () => {
    for (const encoding of [{}, { encoding_format: "float" as const }]) {
      const { data, response } = await client()
        .embeddings.create({ model: "embedding", input: ["abc", "de"], ...encoding })
        .withResponse();
      expect(data.data.map((entry) => entry.embedding[0])).toEqual([3, 2]);
      expect(await world.gateway.record(response.headers.get("x-request-id"))).toMatchObject({
        endpoint: "/v1/embeddings",
        requested_model: "embedding",
        usage: { prompt_tokens: 2, completion_tokens: 0 },
        outcome: "ok",
      });
    }
  });
});

describe("completions", () => {
  it("work whole and streamed", async () => {
    const whole = await client().completions.create({ model: "solo", prompt: "once upon a time" });
    expect(whole.choices[0]?.text).toBe("once upon a time");
    const stream = await client().completions.create({ model: "solo", prompt: "once upon a time", stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    expect(text).toBe("once upon a time");
  });
});

describe("images", () => {
  it("are made and counted", async () => {
    const { data, response } = await client().images.generate({ model: "image", prompt: "a cat", n: 2 }).withResponse();
    const decoded = data.data?.map((image) => Buffer.from(image.b64_json ?? "", "base64").toString());
    expect(decoded).toEqual(["gpt-image-1: a cat", "gpt-image-1: a cat"]);
    expect(await world.gateway.record(response.headers.get("x-request-id"))).toMatchObject({
      endpoint: "/v1/images/generations",
      usage: { images: 2 },
    });
  });
});

describe("models", () => {
  it("lists what the key may use", async () => {
    const all = (await client().models.list()).data.map((model) => model.id);
    expect(all).toEqual(expect.arrayContaining(["solo", "claude", "pair"]));
    const narrow = (await client(KEYS.narrow).models.list()).data.map((model) => model.id);
    expect(narrow).toEqual(["solo"]);
  });

  it("shows one model, and only to those who may use it", async () => {
    expect(await client().models.retrieve("claude")).toMatchObject({ id: "claude", object: "model" });
    await expect(client(KEYS.narrow).models.retrieve("claude")).rejects.toMatchObject({ status: 404 });
    await expect(client().models.retrieve("no-such-model")).rejects.toMatchObject({ status: 404 });
  });
});
