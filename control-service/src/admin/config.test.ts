import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashSecret } from "../keys/secret.ts";
import { currentRevision, keyChangesSince } from "../store/revisions.ts";
import { type AdminCall, testStores } from "../testing.ts";
import { type AdminBench, EMPTY, ENVIRONMENT, openBench, WHOLE } from "./testing.ts";

const paths = (changes: { op: string; path: string }[]) => changes.map(({ op, path }) => `${op} ${path}`);
const SECRETS = ["sk-ant-literal-0000", "sk-ant-from-the-environment", "ci-key-from-the-environment", "a-literal-key"];

for (const store of testStores) {
  describe.skipIf(store.skip !== null)(`/admin/v1/config on ${store.name}`, () => {
    let bench: AdminBench;
    const call: AdminCall = (...request) => bench.call(...request);
    const apply = (config: unknown) => bench.apply(config);

    beforeAll(async () => {
      bench = await openBench(store);
    });
    afterAll(() => bench?.close());
    beforeEach(async () => {
      Object.assign(bench.environment, ENVIRONMENT);
      await apply(EMPTY);
    });

    describe("applying", () => {
      it("adds everything, and a second time changes nothing", async () => {
        const { version, changes } = await apply(WHOLE);
        expect(paths(changes)).toEqual([
          "add providers[claude]",
          "add providers[local]",
          "add models[claude-sonnet]",
          "add projects[search]",
          "add users[ada]",
          "add projects[search].keys[ci]",
          "add projects[search].keys[literal]",
          "add users[ada].keys[laptop]",
        ]);
        const again = await call("PUT", "/config", WHOLE);
        expect(again.body).toEqual({ version, dry_run: false, changes: [], warnings: [] });
        expect(again.headers.etag).toBe(`"${version}"`);
        expect(await bench.policyOf("ci-key-from-the-environment")).toMatchObject({
          project: "search",
          user: null,
          disabled: false,
          expiresAt: new Date("2027-01-31"),
          models: [["claude-sonnet"]],
          allowedIps: ["10.0.0.0/8"],
        });
        expect(await bench.policyOf("the-laptop-key-of-ada-0001")).toMatchObject({ project: "search", user: "ada" });
      });

      it("takes the same as JSON", async () => {
        const config = { version: 1, providers: [{ name: "p", kind: "vllm", base_url: "http://127.0.0.1:1" }] };
        expect(paths((await apply(config)).changes)).toEqual(["add providers[p]"]);
        expect((await apply(JSON.stringify(config))).changes).toEqual([]);
      });

      it("only shows the difference in a dry run, with no secret in it", async () => {
        const { version } = await apply(EMPTY);
        const answer = await call("PUT", "/config?dry_run=true", WHOLE);
        expect(answer.body).toMatchObject({ version, dry_run: true });
        expect(answer.body.changes).toHaveLength(8);
        for (const secret of SECRETS) expect(answer.text).not.toContain(secret);
        expect((await call("GET", "/providers")).body.items).toEqual([]);
        expect(await currentRevision(bench.database.query, "config")).toBe(BigInt(version));
      });

      it("names each field that changes", async () => {
        await apply(WHOLE);
        const changed = WHOLE.replace("idle: 120s", "idle: 90s")
          .replace("weight: 3", "weight: 1")
          .replace(", priority: 1}", ", priority: 2}")
          .replace("input: 3.00", "input: 2.5, cached_input: 0.25")
          .replace("amount: 500.00", "amount: 500.01")
          .replace(", expires: 2027-01-31", "")
          .replace("ada@example.com", "ada@example.org");
        const { changes } = await apply(changed);
        expect(changes).toEqual([
          { op: "change", path: "providers[claude].timeouts.idle", before: "2m", after: "90s" },
          { op: "change", path: "models[claude-sonnet].targets[0].weight", before: 3, after: 1 },
          { op: "change", path: "models[claude-sonnet].targets[1].priority", before: 1, after: 2 },
          { op: "change", path: "models[claude-sonnet].price.input", before: "3", after: "2.5" },
          { op: "add", path: "models[claude-sonnet].price.cached_input", after: "0.25" },
          { op: "change", path: "projects[search].limits[0].amount", before: "500", after: "500.01" },
          { op: "change", path: "users[ada].email", before: "ada@example.com", after: "ada@example.org" },
          { op: "remove", path: "projects[search].keys[ci].expires", before: "2027-01-31T00:00:00.000Z" },
        ]);
        expect((await apply(changed)).changes).toEqual([]);
        const model = await call("GET", "/models/claude-sonnet");
        expect(model.body).toMatchObject({ price: { input: "2.5", cached_input: "0.25", output: "15" } });
        expect(model.body.targets.map((target: { weight: number }) => target.weight)).toEqual([1, 1]);
      });

      it("keeps the revision of what does not change", async () => {
        await apply(WHOLE);
        const before = await call("GET", "/providers/local");
        await apply(WHOLE.replace("weight: 3", "weight: 4"));
        expect((await call("GET", "/providers/local")).headers.etag).toBe(before.headers.etag);
      });

      it("refuses what is wrong with the path of each mistake, and changes nothing", async () => {
        const { version } = await apply(WHOLE);
        const wrong = WHOLE.replace("kind: vllm", "kind: vlm").replace("provider: local", "provider: locla");
        const answer = await call("PUT", "/config", wrong);
        expect(answer.status).toBe(400);
        expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
        expect(answer.body).toMatchObject({ title: "Bad Request", status: 400, instance: "/admin/v1/config" });
        expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual([
          "providers[1].kind",
          "models[0].targets[1].provider",
        ]);
        expect((await apply(WHOLE)).version).toBe(version);
      });

      it("says where YAML is broken, without showing the line", async () => {
        const answer = await call("PUT", "/config", "version: 1\nproviders:\n  - name: a\n  secret-thing: [\n");
        expect(answer.status).toBe(400);
        expect(answer.body.errors[0].path).toMatch(/^line \d+, column \d+$/);
        expect(answer.text).not.toContain("secret-thing");
        const twice = await call("PUT", "/config", "version: 1\nversion: 1\n");
        expect(twice.body.errors).toEqual([{ path: "line 2, column 1", message: "Map keys must be unique" }]);
      });

      it("refuses a body of another type, and one of another time", async () => {
        const { version } = await apply(WHOLE);
        expect((await call("PUT", "/config", WHOLE, { "content-type": "text/html" })).status).toBe(415);
        const late = await call("PUT", "/config", EMPTY, { "if-match": `"${Number(version) - 1}"` });
        expect(late.status).toBe(412);
        const now = await call("PUT", "/config", EMPTY, { "if-match": `"${version}"` });
        expect(now.status).toBe(200);
      });

      it("goes one after the other when many come at once", async () => {
        const { version } = await apply(EMPTY);
        const named = (name: string) => ({
          version: 1,
          providers: [{ name, kind: "vllm", base_url: "http://127.0.0.1:1", credentials: [`credential-of-${name}`] }],
          models: [{ name: "m", targets: [{ provider: name, model: name }] }],
        });
        const answers = await Promise.all(["a", "b", "a", "b", "c"].map((name) => apply(named(name))));
        const versions = new Set(answers.filter(({ changes }) => changes.length > 0).map((answer) => answer.version));
        const last = await currentRevision(bench.database.query, "config");
        expect(last).toBe(BigInt(version) + BigInt(versions.size));
        const { items } = (await call("GET", "/providers")).body;
        expect(items).toHaveLength(1);
        expect((await call("GET", "/models/m")).body.targets).toEqual([
          { provider: items[0].name, model: items[0].name, priority: 0, weight: 1 },
        ]);
      });
    });

    describe("removing", () => {
      it("ends what oneapi.yaml made and no longer names, and disables the keys of what is gone", async () => {
        await apply(WHOLE);
        const made = (await call("POST", "/keys", { project: "search", name: "by rest" })).body;
        const since = await currentRevision(bench.database.query, "keys");
        const { changes } = await apply(EMPTY);
        expect(changes.every(({ op }) => op === "remove")).toBe(true);
        for (const section of ["providers", "models", "projects", "users"]) {
          expect((await call("GET", `/${section}`)).body.items).toEqual([]);
        }
        expect((await call("GET", `/keys/${made.id}`)).body).toMatchObject({ disabled: true, status: "disabled" });
        expect(await bench.policyOf(made.secret)).toMatchObject({ disabled: true });
        expect(await bench.policyOf("ci-key-from-the-environment")).toBeUndefined();
        const { hashes } = await keyChangesSince(bench.database.query, since);
        expect(new Set(hashes)).toEqual(
          new Set(
            [
              made.secret,
              "ci-key-from-the-environment",
              "a-literal-key-of-enough-characters",
              "the-laptop-key-of-ada-0001",
            ].map(hashSecret),
          ),
        );
      });

      it("does not bring a key back with its project", async () => {
        await apply(WHOLE);
        const made = (await call("POST", "/keys", { project: "search" })).body;
        await apply(EMPTY);
        await apply(WHOLE);
        expect(await bench.policyOf(made.secret)).toMatchObject({ disabled: true });
        expect(await bench.policyOf("ci-key-from-the-environment")).toMatchObject({ disabled: false });
      });

      it("leaves keys that REST made, and the switches that REST set", async () => {
        await apply(WHOLE);
        const made = (await call("POST", "/keys", { project: "search" })).body;
        await call("PATCH", "/providers/local", { disabled: true });
        const ci = (await call("GET", "/keys?project=search")).body.items.find(
          (key: { name: string }) => key.name === "ci",
        );
        await call("PATCH", `/keys/${ci.id}`, { disabled: true });
        await apply(WHOLE.replace("weight: 3", "weight: 7").replace("8000/v1", "8001/v1"));
        expect(await bench.policyOf(made.secret)).toMatchObject({ disabled: false });
        expect((await call("GET", "/providers/local")).body).toMatchObject({
          disabled: true,
          base_url: "http://127.0.0.1:8001/v1",
        });
        expect((await call("GET", `/keys/${ci.id}`)).body).toMatchObject({ disabled: true });
      });

      it("leaves a key of oneapi.yaml dead that REST revoked, until it gets a new secret", async () => {
        await apply(WHOLE);
        const { items } = (await call("GET", "/keys?project=search")).body;
        const ci = items.find((key: { name: string }) => key.name === "ci");
        expect((await call("DELETE", `/keys/${ci.id}`)).status).toBe(204);
        const again = await apply(WHOLE);
        expect(again.changes).toEqual([]);
        expect(again.warnings).toEqual([
          { path: "projects[0].keys[0].secret", message: "was revoked; the key needs a new secret to work again" },
        ]);
        expect(await bench.policyOf("ci-key-from-the-environment")).toBeUndefined();
        bench.environment.CI_KEY = "a-new-secret-for-the-ci-key";
        expect(paths((await apply(WHOLE)).changes)).toEqual(["change projects[search].keys[ci].secret"]);
        expect(await bench.policyOf("a-new-secret-for-the-ci-key")).toMatchObject({ id: ci.id, disabled: false });
      });
    });

    describe("dumping", () => {
      it("gives an oneapi.yaml that changes nothing when applied again", async () => {
        await apply(WHOLE);
        const dump = await call("GET", "/config");
        expect(dump.headers["content-type"]).toBe("application/yaml; charset=utf-8");
        expect(dump.text).toContain("${env:CLAUDE_KEY}");
        expect(dump.text).toMatch(/\$\{stored:[0-9a-f]{8}\}/);
        expect(dump.text).toMatch(/secret: \$\{stored:key_[0-9a-f]{20}\}/);
        expect((await apply(dump.text)).changes).toEqual([]);
        expect((await apply(WHOLE)).changes).toEqual([]);
      });

      it("answers JSON to who asks for it", async () => {
        await apply(WHOLE);
        const dump = await call("GET", "/config", undefined, { accept: "application/json" });
        expect(dump.body.models[0].targets[0]).toEqual({
          provider: "claude",
          model: "claude-sonnet-4-6",
          priority: 0,
          weight: 3,
        });
        expect((await apply(dump.body)).changes).toEqual([]);
        await apply(EMPTY);
        expect((await call("GET", "/config")).text).toBe("version: 1\n");
      });

      it("stands for secrets only where they are stored", async () => {
        await apply(WHOLE);
        const dump = (await call("GET", "/config")).text;
        await apply(EMPTY);
        const answer = await call("PUT", "/config", dump);
        expect(answer.status).toBe(400);
        expect(answer.body.errors.map((error: { message: string }) => error.message)).toEqual([
          expect.stringMatching(/^this provider has no credential stored as \$\{stored:[0-9a-f]+\}$/),
          expect.stringMatching(/^there is no key stored as \$\{stored:key_[0-9a-f]+\}$/),
          expect.stringMatching(/^there is no key stored as \$\{stored:key_[0-9a-f]+\}$/),
        ]);
      });

      it("keeps the order of the file", async () => {
        const model = (name: string) => ({ name, targets: [{ provider: "z", model: name }] });
        const provider = { name: "z", kind: "vllm", base_url: "http://127.0.0.1:1" };
        await apply({ version: 1, providers: [provider], models: ["c", "a", "b"].map(model) });
        const names = async () =>
          (await call("GET", "/config", undefined, { accept: "application/json" })).body.models.map(
            (entry: { name: string }) => entry.name,
          );
        expect(await names()).toEqual(["c", "a", "b"]);
        await apply({ version: 1, providers: [provider], models: ["d", "b", "c"].map(model) });
        expect(await names()).toEqual(["d", "b", "c"]);
      });
    });
  });
}
