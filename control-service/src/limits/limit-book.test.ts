import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CONFIG, startTestService, type TestService } from "../gateway/testing.ts";
import { testStores } from "../testing.ts";
import { LimitBook } from "./limit-book.ts";

describe.each(testStores)("the book of limits on $name", ({ open, skip }) => {
  let service: TestService;
  beforeAll(async () => {
    if (skip !== null) return;
    service = await startTestService(await open());
    expect((await service.admin("PUT", "/config", CONFIG)).status).toBe(200);
  });
  afterAll(() => service?.close());
  beforeEach((context) => {
    if (skip !== null) context.skip(skip);
  });

  it("notices the change of a limit that was read while others were read again", async () => {
    const limit = (amount: number) => ({ metric: "requests", window: "minute", amount });
    const made = await service.admin("POST", "/keys", { project: "search", limits: [limit(10)] });
    const { id } = made.body as { id: string };
    const counter = `key:${id}:requests:minute`;
    const book = new LimitBook(service.services.database);
    const [found] = await Promise.all([book.find([counter]), book.refresh()]);
    expect(found.get(counter)?.amount).toBe(10);
    await service.admin("PATCH", `/keys/${id}`, { limits: [limit(13)] });
    expect((await book.refresh()).map(({ id, amount }) => [id, amount])).toEqual([[counter, 13]]);
  });
});
