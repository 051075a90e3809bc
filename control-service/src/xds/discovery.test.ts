import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CONFIG, startTestService, type TestService } from "../gateway/testing.ts";
import { readMigrations } from "../store/migrations.ts";
import { openPglite } from "../store/pglite.ts";
import { LINGER_MS } from "./cluster-sets.ts";
import {
  eventually,
  findEnvoy,
  NO_ENVOY,
  type RunningEnvoy,
  startEnvoy,
  type TestFolder,
  temporaryFolder,
} from "./testing.ts";

const AT_ONCE_MS = 1000;
const LONG_MS = 10 * AT_ONCE_MS;
/** With one provider more, and so with other orders. */
const LARGER = CONFIG.replace(
  "models:",
  '  - {name: third, kind: vllm, base_url: "http://127.0.0.1:9000"}\nmodels:',
).replace(
  "{provider: second, model: qwen, priority: 1}",
  "{provider: second, model: qwen, priority: 1}\n      - {provider: third, model: qwen, priority: 2}",
);
const CREDENTIAL = "sk-first-0000000000";
const OTHER_CREDENTIAL = "sk-first-1111111111";

let service: TestService;
/** Another one in each test, so that tests know nothing of each other's. */
let node: string;
let tests = 0;

beforeAll(async () => {
  service = await startTestService(await openPglite("memory://", readMigrations()));
});
afterAll(() => service?.close());
beforeEach(async () => {
  node = `envoy-${++tests}`;
  await apply(CONFIG);
  await eventually(async () => {
    const { config } = await service.sync({ node: "bystander" });
    return config?.providers.length === 2 && config.providers[0]?.credentials[0] === CREDENTIAL ? config : null;
  });
  service.services.clock.advance(LINGER_MS);
});

const apply = async (yaml: string) => expect((await service.admin("PUT", "/config", yaml)).status).toBe(200);

describe("POST /v3/discovery:clusters", () => {
  const ask = (versionInfo: string, change: { metadata?: unknown; error?: string } = {}) =>
    fetch(`${service.url}/v3/discovery:clusters`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        ...(versionInfo && { version_info: versionInfo }),
        node: {
          id: node,
          metadata: change.metadata ?? { oneapi: { token: service.services.gatewayToken, wasm: "/opt/oneapi.wasm" } },
          extensions: [{ name: "envoy.filters.http.router" }],
        },
        type_url: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        ...(change.error && { error_detail: { code: 13, message: change.error } }),
      }),
    });
  const version = async (response: Response) => ((await response.json()) as { version_info: string }).version_info;
  const sync = (change: Parameters<TestService["sync"]>[0] = {}) => service.sync({ node, ...change });
  const given = async (change: Parameters<TestService["sync"]>[0] = {}) => (await sync(change)).config;

  it("answers 304 without a body to who has everything, and a change at once", async () => {
    const first = await version(await ask(""));
    const unchanged = await ask(first);
    expect(unchanged.status).toBe(304);
    expect(await unchanged.text()).toBe("");
    const waiting = ask(first);
    const start = performance.now();
    await apply(LARGER);
    const changed = await waiting;
    expect(changed.status).toBe(200);
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
    expect(await version(changed)).not.toBe(first);
  });

  it("lets a node's filter have a configuration only when the node has its clusters", async () => {
    expect((await given())?.models[0]?.targets).toHaveLength(2);

    // From its first question on, this node is known to get its clusters here.
    const first = await version(await ask(""));
    expect(await given()).toBeUndefined();
    const { key_revision } = await sync();
    const poll = sync({ key_revision, wait_ms: LONG_MS });
    await ask(first);
    const { config } = await poll;
    expect(config?.models[0]?.targets).toHaveLength(2);

    await apply(LARGER);
    const held = config?.version ?? "";
    expect(await given({ config_version: held })).toBeUndefined();
    expect((await given())?.version).toBe(held);
    expect((await given({ node: "kong-1", kind: "kong" }))?.models[0]?.targets).toHaveLength(3);
    const larger = await version(await ask(first));
    expect((await given())?.version).toBe(held);
    await ask(larger);
    expect((await given())?.models[0]?.targets).toHaveLength(3);
    await sync({ config_version: (await given())?.version as string });
  });

  it("does not hold back what needs no other clusters", async () => {
    const first = await version(await ask(""));
    await ask(first);
    const { config_version, key_revision } = await sync();
    const poll = sync({ config_version, key_revision, wait_ms: LONG_MS });
    const start = performance.now();
    await apply(CONFIG.replace(CREDENTIAL, OTHER_CREDENTIAL));
    expect((await poll).config?.providers[0]?.credentials).toEqual([OTHER_CREDENTIAL]);
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
    // Nor is it taken back when the clusters change afterwards.
    await apply(LARGER.replace(CREDENTIAL, OTHER_CREDENTIAL));
    expect((await given())?.providers[0]?.credentials).toEqual([OTHER_CREDENTIAL]);
  });

  it("gives a node that restarted nothing until it has clusters again", async () => {
    const first = await version(await ask(""));
    await ask(first);
    expect(await given()).toBeDefined();
    await ask("");
    expect(await given()).toBeUndefined();
  });

  it("forgets a node that no longer asks", async () => {
    await ask("");
    expect(await given()).toBeUndefined();
    service.services.clock.advance(60_000);
    expect(await given()).toBeDefined();
  });

  it("tells operators of clusters that an Envoy refuses, by its word or by its asking again", async () => {
    const gateway = async () => {
      const { items } = (await service.admin("GET", "/gateways")).body as { items: { name: string }[] };
      return items.find(({ name }) => name === node);
    };
    const rejections = async () => {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      return Number(new RegExp(`^oneapi_xds_rejections_total{gateway="${node}"} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    };
    await ask("", { error: "no such file" });
    expect(await gateway()).toMatchObject({
      kind: "envoy",
      clusters: { version: "", current: false, error: { message: "no such file" } },
    });
    expect(await rejections()).toBe(1);
    node = `${node}-without-words`;
    for (let times = 0; times < 8; times++) await ask("");
    expect(await rejections()).toBe(1);
    expect(await gateway()).toMatchObject({ clusters: { current: false, error: { message: expect.any(String) } } });
    const first = await version(await ask(""));
    await ask(first);
    expect(await gateway()).toMatchObject({ clusters: { version: first, current: true, error: null } });
  });

  it.each([
    ["a wrong token", { oneapi: { token: "wrong", wasm: "/opt/oneapi.wasm" } }, 401],
    ["no metadata of ours", {}, 400],
    ["a relative path", { oneapi: { token: "gateway-token-of-the-test", wasm: "oneapi.wasm" } }, 400],
  ])("refuses a node with %s", async (_what, metadata, status) => {
    const response = await ask("", { metadata });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  });
});

describe("a real Envoy", () => {
  let binary: string | null;
  let folder: TestFolder;
  let envoy: RunningEnvoy | undefined;

  beforeAll(async () => {
    binary = await findEnvoy();
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
  });
  afterAll(() => folder.remove());

  const bootstrap = () => {
    const { hostname, port } = new URL(service.url);
    return {
      node: {
        id: node,
        cluster: "oneapi",
        metadata: { oneapi: { token: service.services.gatewayToken, ...folder.files } },
      },
      static_resources: {
        clusters: [
          {
            name: "oneapi-control",
            connect_timeout: "1s",
            load_assignment: {
              cluster_name: "oneapi-control",
              endpoints: [
                {
                  lb_endpoints: [
                    { endpoint: { address: { socket_address: { address: hostname, port_value: Number(port) } } } },
                  ],
                },
              ],
            },
          },
        ],
      },
      dynamic_resources: {
        cds_config: {
          resource_api_version: "V3",
          api_config_source: {
            api_type: "REST",
            transport_api_version: "V3",
            cluster_names: ["oneapi-control"],
            refresh_delay: "0.25s",
          },
        },
      },
    };
  };
  const stat = async (name: string) =>
    (await envoy?.admin(`/stats?filter=^cluster_manager.${name}$`))?.split(": ")[1]?.trim();

  it("takes the clusters, and follows a change before its filter is told of it", async (context) => {
    if (binary === null) return context.skip(NO_ENVOY);
    envoy = await startEnvoy(binary, folder.path, bootstrap());
    const first = await eventually(async () => (await service.sync({ node })).config ?? null);
    const running = envoy;
    // Envoy confirms a version as it begins to warm the clusters: on a busy machine they may be a moment behind.
    const has = async (order: string) => ((await running.admin("/clusters")).includes(`${order}::`) ? true : null);
    await eventually(() => has("oneapi-order:first>second"));

    const start = performance.now();
    await apply(LARGER);
    const { key_revision } = await service.sync({ node });
    const { config } = await service.sync({ node, key_revision, config_version: first.version, wait_ms: LONG_MS });
    expect(config?.models[0]?.targets).toHaveLength(3);
    await eventually(() => has("oneapi-order:first>second>third"));
    expect(performance.now() - start).toBeLessThan(2 * AT_ONCE_MS);

    // A few unchanged answers later nothing is refused, and no cluster was replaced for nothing.
    const asked = Number(await stat("cds.update_attempt"));
    await eventually(async () => (Number(await stat("cds.update_attempt")) >= asked + 3 ? true : null));
    expect(await stat("cds.update_rejected")).toBe("0");
    expect(await stat("cds.update_failure")).toBe("0");
    expect(await stat("cds.update_success")).toBe("2");
    expect(await stat("cluster_modified")).toBe("0");
  });
});
