import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Change } from "../store/changes.ts";
import { type AdminCall, testStores } from "../testing.ts";
import { type AdminBench, openBench, WHOLE } from "./testing.ts";

for (const store of testStores) {
  describe.skipIf(store.skip !== null)(`what is configured, on ${store.name}`, () => {
    let bench: AdminBench;
    const call: AdminCall = (...request) => bench.call(...request);

    beforeAll(async () => {
      bench = await openBench(store);
      await bench.apply(WHOLE);
    });
    afterAll(() => bench?.close());

    it("reads as oneapi.yaml says it, without secrets", async () => {
      const { items, next } = (await call("GET", "/providers")).body;
      expect(next).toBeNull();
      expect(items).toEqual([
        {
          name: "claude",
          kind: "anthropic",
          base_url: "https://api.anthropic.com",
          credentials: ["${env:CLAUDE_KEY}", expect.stringMatching(/^\$\{stored:[0-9a-f]{8}\}$/)],
          limits: [],
          timeouts: { connect: "2s", first_token: "1m", idle: "2m", total: "10m" },
          options: {},
          disabled: false,
          origin: "config",
          updated_at: "2026-01-01T00:00:00.000Z",
        },
        expect.objectContaining({ name: "local", credentials: [] }),
      ]);
      expect((await call("GET", "/projects/search")).body).toMatchObject({
        models: ["claude-sonnet"],
        disabled: false,
      });
      expect((await call("GET", "/users/ada")).body).toMatchObject({ role: "member", projects: ["search"] });
    });

    it("pages by name", async () => {
      const provider = { name: "p", kind: "vllm", base_url: "http://127.0.0.1:1" };
      const names = ["b/1", "A", "a", "b:2", "ä"];
      const models = names.map((name) => ({ name, targets: [{ provider: "p", model: "m" }] }));
      await bench.apply({ version: 1, providers: [provider], models });
      const seen: string[] = [];
      let path = "/models?limit=2";
      for (;;) {
        const { items, next } = (await call("GET", path)).body;
        seen.push(...items.map((model: { name: string }) => model.name));
        if (next === null) break;
        path = `/models?limit=2&cursor=${next}`;
      }
      expect(seen).toEqual(["A", "a", "b/1", "b:2", "ä"]);
      for (const name of ["b/1", "b%2F1"]) expect((await call("GET", `/models/${name}`)).body.name).toBe("b/1");
      await bench.apply(WHOLE);
    });

    it.each(["/providers/nobody", "/models/nothing", "/projects/nowhere", "/users/nobody"])(
      "has no %s",
      async (path) => {
        expect((await call("GET", path)).status).toBe(404);
        expect((await call("PATCH", path, { disabled: true })).status).toBe(404);
      },
    );

    it.each(["/providers/local", "/models/claude-sonnet", "/projects/search", "/users/ada"])(
      "disables and enables %s",
      async (path) => {
        const before = await call("GET", path);
        const heard: Change[] = [];
        const unsubscribe = bench.database.changes.subscribe((change) => heard.push(change));
        const disabled = await call("PATCH", path, { disabled: true });
        expect(disabled.body).toMatchObject({ disabled: true });
        expect(disabled.headers.etag).not.toBe(before.headers.etag);
        await expect.poll(() => heard, { timeout: 5000 }).toContain("config");
        unsubscribe();
        const same = await call("PATCH", path, { disabled: true });
        expect(same.headers.etag).toBe(disabled.headers.etag);
        const stale = { "if-match": String(before.headers.etag) };
        expect((await call("PATCH", path, { disabled: false }, stale)).status).toBe(412);
        const now = { "if-match": String(disabled.headers.etag) };
        expect((await call("PATCH", path, { disabled: false }, now)).body).toMatchObject({ disabled: false });
      },
    );

    it("changes nothing but the switch", async () => {
      const answer = await call("PATCH", "/providers/local", { disabled: true, kind: "openai" });
      expect(answer.body.errors).toEqual([{ path: "kind", message: "is not a known field" }]);
      expect((await call("PATCH", "/providers/local")).status).toBe(400);
    });
  });
}
