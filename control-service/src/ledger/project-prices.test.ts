import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG, hashKey, SECRET, startTestService, type TestService } from "../gateway/testing.ts";
import { testStores } from "../testing.ts";
import { usageRecord } from "./testing.ts";
import { verifyLedger } from "./verify.ts";

const PRICES = "prices: [{model: chat, price: {input: 10, output: 20, cached_input: 1}}]";

describe.each(testStores)("prices of a project on $name", ({ open, skip }) => {
  let service: TestService;
  let sequence = 0;

  beforeAll(async () => {
    if (skip === null) service = await startTestService(await open());
  });
  afterAll(() => service?.close());

  const apply = async (prices: string) => {
    const text = `${CONFIG}  - {name: other, models: [chat]}\n`.replace(
      "models: [chat]\n",
      `models: [chat]\n    ${prices}\n`,
    );
    const { status, body } = await service.admin("PUT", "/config", text);
    expect({ status, body }).toMatchObject({ status: 200 });
    return body as { changes: { path: string }[]; warnings: object[] };
  };

  /** What a record of the project costs; 100 and 50 tokens. */
  const costOf = async (project: string) => {
    sequence++;
    await service.sync({ records: [usageRecord(sequence, { project })] });
    const id = usageRecord(sequence).operation_id;
    const { body } = await service.admin("GET", `/records?operation_id=${id}`);
    return (body as { items: { cost_nano_usd: number }[] }).items[0]?.cost_nano_usd;
  };
  const policy = async () => (await service.sync({ keys: [hashKey(SECRET)] })).keys[0];

  it("bill its records, reach its gateways, and end with the setting", async (context) => {
    if (skip !== null) context.skip(skip);
    await apply("");
    await expect.poll(() => costOf("search"), { timeout: 5000 }).toBe(200_000);
    expect(await policy()).toMatchObject({ prices: [] });

    const { changes } = await apply(PRICES);
    expect(changes.map(({ path }) => path)).toEqual(["projects[search].prices[0]"]);
    await expect.poll(policy, { timeout: 5000 }).toMatchObject({
      prices: [
        {
          model: "chat",
          rates: {
            ...{ input: 10e9, cached_input: 1e9, cache_write: 10e9, output: 20e9, reasoning: 20e9 },
            ...{ image: 0, tiers: [] },
          },
        },
      ],
    });
    await expect.poll(() => costOf("search"), { timeout: 5000 }).toBe(2_000_000);
    expect(await costOf("other")).toBe(200_000);
    expect(await costOf("gone")).toBe(200_000);
    const headers = { authorization: `Bearer ${service.services.adminToken}`, accept: "application/json" };
    const dumped = (await (await fetch(`${service.url}/admin/v1/config`, { headers })).json()) as {
      projects: object[];
    };
    expect(dumped.projects[0]).toMatchObject({
      prices: [{ model: "chat", price: { input: "10", cached_input: "1", output: "20" } }],
    });
    expect((await service.admin("PUT", "/config", dumped)).body).toMatchObject({ changes: [] });
    expect((await apply(PRICES)).changes).toEqual([]);

    await apply("");
    await expect.poll(() => costOf("search"), { timeout: 5000 }).toBe(200_000);
    expect(await verifyLedger(service.services.database.query)).toMatchObject({ checked: sequence, wrong: 0 });
  });

  it("are checked: each model once, and one that there is", async (context) => {
    if (skip !== null) context.skip(skip);
    const twice = CONFIG.replace(
      "models: [chat]\n",
      "models: [chat]\n    prices: [{model: chat, price: {input: 1, output: 1}}, {model: chat, price: {input: -1, output: 1}}]\n",
    );
    const { status, body } = await service.admin("PUT", "/config", twice);
    expect(status).toBe(400);
    expect((body as { errors: { path: string }[] }).errors.map(({ path }) => path)).toEqual([
      "projects[0].prices[1].price.input",
      "projects[0].prices[1].model",
    ]);
    const { warnings } = await apply("prices: [{model: caht, price: {input: 1, output: 1}}]");
    expect(warnings).toMatchObject([{ path: "projects[0].prices[0].model" }]);
  });
});
