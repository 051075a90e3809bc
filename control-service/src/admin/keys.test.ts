import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isMadeSecret } from "../keys/secret.ts";
import { currentRevision } from "../store/revisions.ts";
import { type AdminCall, testStores } from "../testing.ts";
import { type AdminBench, openBench, WHOLE } from "./testing.ts";

for (const store of testStores) {
  describe.skipIf(store.skip !== null)(`/admin/v1/keys on ${store.name}`, () => {
    let bench: AdminBench;
    const call: AdminCall = (...request) => bench.call(...request);
    const make = async (key: object = {}) => (await call("POST", "/keys", { project: "search", ...key })).body;

    beforeAll(async () => {
      bench = await openBench(store);
      await bench.apply(WHOLE);
    });
    afterAll(() => bench?.close());

    describe("making", () => {
      it("answers the id and, once, the secret", async () => {
        const answer = await call("POST", "/keys", {
          project: "search",
          name: "batch jobs",
          user: "ada",
          models: ["claude-*"],
          expires: "2030-01-01",
          allowed_ips: ["10.1.0.0/16", "192.168.0.1"],
          limits: [{ metric: "spend", window: "none", amount: 0.1 }],
        });
        expect(answer.status).toBe(201);
        const { id, secret, ...rest } = answer.body;
        expect(answer.headers.location).toBe(`/admin/v1/keys/${id}`);
        expect(isMadeSecret(secret)).toBe(true);
        expect(rest).toMatchObject({
          name: "batch jobs",
          project: "search",
          user: "ada",
          models: ["claude-*"],
          expires: "2030-01-01T00:00:00.000Z",
          allowed_ips: ["10.1.0.0/16", "192.168.0.1/32"],
          limits: [{ metric: "spend", window: "none", amount: "0.1" }],
          disabled: false,
          status: "active",
          origin: "rest",
        });
        expect((await call("GET", `/keys/${id}`)).body).toEqual({ id, ...rest });
        expect(await bench.policyOf(secret)).toMatchObject({
          id,
          project: "search",
          user: "ada",
          disabled: false,
          models: [["claude-*"], ["claude-sonnet"]],
          allowedIps: ["10.1.0.0/16", "192.168.0.1/32"],
        });
      });

      it("needs only a project; null is as good as nothing", async () => {
        const key = await make({ user: null, models: null, expires: null, allowed_ips: null });
        expect(key).toMatchObject({ user: null, models: null, expires: null, allowed_ips: [], limits: [] });
        expect((await bench.policyOf(key.secret))?.models).toEqual([["claude-sonnet"]]);
      });

      it.each([
        [{}, ["project"]],
        [{ project: "nowhere" }, ["project"]],
        [{ project: "search", user: "nobody" }, ["user"]],
        [{ project: "search", colour: 1, expires: "soon", models: [] }, ["models", "expires", "colour"]],
        [{ project: "search", limits: [{ metric: "tokens", amount: 1 }] }, ["limits[0].window"]],
        [[], [""]],
      ])("refuses %j", async (key, paths) => {
        const answer = await call("POST", "/keys", key);
        expect(answer.status).toBe(400);
        expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual(paths);
      });

      it("answers the same request with the same Idempotency-Key the same, and makes one key", async () => {
        const headers = { "idempotency-key": "order-66" };
        const before = await currentRevision(bench.database.query, "keys");
        const answers = await Promise.all(
          [1, 2, 3].map(() => call("POST", "/keys", { project: "search", name: "once" }, headers)),
        );
        expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
        expect(answers[0]?.body.secret).toMatch(/^sk-oa-/);
        const { items } = (await call("GET", "/keys?limit=1000")).body;
        expect(items.filter((key: { name: string }) => key.name === "once")).toHaveLength(1);
        expect(await currentRevision(bench.database.query, "keys")).toBe(before + 1n);
        const other = await call("POST", "/keys", { project: "search", name: "twice" }, headers);
        expect(other.status).toBe(422);
        bench.services.clock.advance(25 * 3_600_000);
        expect((await call("POST", "/keys", { project: "search", name: "twice" }, headers)).status).toBe(201);
      });
    });

    describe("changing", () => {
      it("changes what is named and leaves the rest", async () => {
        const { id, secret } = await make({
          name: "a",
          models: ["x"],
          expires: "2030-01-01",
          allowed_ips: ["10.0.0.1"],
        });
        const changed = await call("PATCH", `/keys/${id}`, { name: "b", models: null });
        expect(changed.body).toMatchObject({ name: "b", models: null, allowed_ips: ["10.0.0.1/32"], disabled: false });
        await call("PATCH", `/keys/${id}`, { expires: null, allowed_ips: null, limits: [] });
        expect(await bench.policyOf(secret)).toMatchObject({ expiresAt: null, allowedIps: [] });
      });

      it("disables and enables", async () => {
        const { id, secret } = await make();
        expect((await call("PATCH", `/keys/${id}`, { disabled: true })).body).toMatchObject({ status: "disabled" });
        expect(await bench.policyOf(secret)).toMatchObject({ disabled: true });
        expect((await call("PATCH", `/keys/${id}`, { disabled: false })).body).toMatchObject({ status: "active" });
        expect(await bench.policyOf(secret)).toMatchObject({ disabled: false });
      });

      it("shows an expired key as such", async () => {
        const { id } = await make({ expires: "2020-01-01T00:00:00+02:00" });
        expect((await call("GET", `/keys/${id}`)).body).toMatchObject({
          status: "expired",
          disabled: false,
          expires: "2019-12-31T22:00:00.000Z",
        });
      });

      it("refuses what is not a change, and what somebody else has changed since", async () => {
        const { id } = await make();
        expect((await call("PATCH", `/keys/${id}`, { secret: "x" })).body.errors).toEqual([
          { path: "secret", message: "is not a known field" },
        ]);
        expect((await call("PATCH", `/keys/${id}`, { disabled: "yes" })).status).toBe(400);
        const { etag } = (await call("GET", `/keys/${id}`)).headers as { etag: string };
        expect((await call("PATCH", `/keys/${id}`, { name: "x" }, { "if-match": etag })).status).toBe(200);
        expect((await call("PATCH", `/keys/${id}`, { name: "y" }, { "if-match": etag })).status).toBe(412);
        expect((await call("PATCH", "/keys/key_0", { name: "y" })).status).toBe(404);
      });

      it("leaves to oneapi.yaml what is oneapi.yaml's", async () => {
        const { items } = (await call("GET", "/keys?user=ada")).body;
        const laptop = items.find((key: { origin: string }) => key.origin === "config");
        expect((await call("PATCH", `/keys/${laptop.id}`, { name: "x" })).status).toBe(409);
        expect((await call("PATCH", `/keys/${laptop.id}`, { disabled: true })).status).toBe(200);
        expect((await call("PATCH", `/keys/${laptop.id}`, { disabled: false })).status).toBe(200);
      });
    });

    it("revokes for good", async () => {
      const { id, secret } = await make();
      const removed = await call("DELETE", `/keys/${id}`);
      expect([removed.status, removed.text]).toEqual([204, ""]);
      expect(await bench.policyOf(secret)).toBeUndefined();
      expect((await call("GET", `/keys/${id}`)).body).toMatchObject({ status: "revoked", disabled: true });
      expect((await call("DELETE", `/keys/${id}`)).status).toBe(204);
      expect((await call("PATCH", `/keys/${id}`, { disabled: false })).status).toBe(409);
      expect((await call("DELETE", "/keys/key_0")).status).toBe(404);
    });

    describe("listing", () => {
      it("pages from the newest to the oldest, and over what is made meanwhile", async () => {
        const made = [];
        for (let index = 0; index < 5; index++) made.unshift((await make({ name: `page-${index}` })).id);
        const first = (await call("GET", "/keys?limit=2")).body;
        expect(first.items.map((key: { id: string }) => key.id)).toEqual(made.slice(0, 2));
        await make();
        const second = (await call("GET", `/keys?limit=2&cursor=${first.next}`)).body;
        expect(second.items.map((key: { id: string }) => key.id)).toEqual(made.slice(2, 4));
        const seen: string[] = [];
        let next: string | null = null;
        do {
          const page: { items: { id: string }[]; next: string | null } = (
            await call("GET", `/keys?limit=3${next ? `&cursor=${next}` : ""}`)
          ).body;
          seen.push(...page.items.map((key) => key.id));
          next = page.next;
        } while (next !== null);
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toEqual(expect.arrayContaining(made));
      });

      it.each(["limit=0", "limit=1001", "limit=x", "colour=blue", "cursor=bm90IG9uZQ"])(
        "refuses ?%s",
        async (query) => {
          expect((await call("GET", `/keys?${query}`)).status).toBe(400);
        },
      );
    });

    describe("the policy of a key", () => {
      it("counts its project and its user in", async () => {
        const { secret } = await make({ user: "ada" });
        for (const path of ["/projects/search", "/users/ada"]) {
          const since = await currentRevision(bench.database.query, "keys");
          await call("PATCH", path, { disabled: true });
          expect(await bench.policyOf(secret)).toMatchObject({ disabled: true });
          expect(await currentRevision(bench.database.query, "keys")).toBe(since + 1n);
          await call("PATCH", path, { disabled: false });
          expect(await bench.policyOf(secret)).toMatchObject({ disabled: false });
        }
      });

      it("ends when its user leaves the project", async () => {
        const { secret } = await make({ user: "ada" });
        await bench.apply(WHOLE.replace(/projects: \[search\], keys: .*\n/, "projects: []}\n"));
        expect(await bench.policyOf(secret)).toMatchObject({ disabled: true });
        await bench.apply(WHOLE);
        expect(await bench.policyOf(secret)).toMatchObject({ disabled: false });
      });
    });
  });
}
