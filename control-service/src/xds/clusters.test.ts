import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestClock } from "../testing.ts";
import { ClusterSets, LINGER_MS } from "./cluster-sets.ts";
import { buildClusters, type JsonObject, type ProviderEndpoint, type ProviderOrder } from "./clusters.ts";
import { type StaticNode, staticEnvoyConfig } from "./static-config.ts";
import { findEnvoy, NO_ENVOY, type TestFolder, temporaryFolder, validate } from "./testing.ts";

const FILES = { wasm: "/opt/oneapi.wasm", ca: "/etc/ssl/certs/ca-certificates.crt" };

function endpoint(name: string, change: Partial<ProviderEndpoint> = {}): [string, ProviderEndpoint] {
  return [name, { name, tls: true, host: `api.${name}.example`, port: 443, connectMs: 250, ...change }];
}

function order(...providers: string[]): ProviderOrder {
  const attempts = providers.map((provider, index) => {
    const before = providers.slice(0, index).filter((other) => other === provider).length;
    const cluster = before === 0 ? `oneapi-provider:${provider}` : `oneapi-provider:${provider}~${before + 1}`;
    return { provider, cluster };
  });
  return { name: `oneapi-order:${providers.join(">")}`, attempts };
}

const ENDPOINTS = new Map([
  endpoint("cloud"),
  endpoint("local", { tls: false, host: "127.0.0.1", port: 8000 }),
  endpoint("six", { host: "::1", port: 8443 }),
  endpoint("unused"),
]);

const names = (clusters: readonly JsonObject[]) => clusters.map(({ name }) => name);

describe("the clusters of orders", () => {
  it("are one for each provider in use, one more where it comes again, and an aggregate for each order", () => {
    const clusters = buildClusters(ENDPOINTS, [order("local"), order("cloud", "local", "cloud")], FILES);
    expect(names(clusters)).toEqual([
      "oneapi-order:cloud>local>cloud",
      "oneapi-order:local",
      "oneapi-provider:cloud",
      "oneapi-provider:cloud~2",
      "oneapi-provider:local",
    ]);
    expect(clusters[0]).toMatchObject({
      lb_policy: "CLUSTER_PROVIDED",
      cluster_type: {
        typed_config: { clusters: ["oneapi-provider:cloud", "oneapi-provider:local", "oneapi-provider:cloud~2"] },
      },
    });
  });

  it("are no aggregates for orders of one attempt, which have the provider's address and the filter", () => {
    const [sole, own] = buildClusters(ENDPOINTS, [order("cloud")], FILES) as [JsonObject, JsonObject];
    const { endpoints } = own.load_assignment as JsonObject;
    expect(sole).toMatchObject({ name: "oneapi-order:cloud", transport_socket: own.transport_socket });
    expect(sole.load_assignment).toMatchObject({ endpoints });
    expect(sole).not.toHaveProperty("cluster_type");
    const isFiltered = (cluster: JsonObject) => JSON.stringify(cluster).includes(FILES.wasm);
    expect([sole, own].map(isFiltered)).toEqual([true, false]);
    expect(JSON.stringify(sole)).toContain('"idle_timeout":"50s"');
  });

  it("tell the filter which provider was chosen, the second time too", () => {
    const clusters = buildClusters(ENDPOINTS, [order("cloud", "cloud")], FILES);
    const metadata = clusters
      .filter(({ name }) => String(name).startsWith("oneapi-provider:"))
      .map((cluster) => JSON.stringify(cluster.load_assignment).match(/"oneapi":\{"provider":"(\w+)"\}/)?.[1]);
    expect(metadata).toEqual(["cloud", "cloud"]);
  });

  it("verify the host's certificate, with SNI for names only", () => {
    const clusters = buildClusters(ENDPOINTS, [order("cloud"), order("six"), order("local")], FILES);
    const socket = (name: string) => clusters.find((cluster) => cluster.name === name)?.transport_socket as JsonObject;
    const context = (type: string, host: string) => ({
      common_tls_context: {
        alpn_protocols: ["http/1.1"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_2" },
        validation_context: {
          trusted_ca: { filename: FILES.ca },
          match_typed_subject_alt_names: [{ san_type: type, matcher: { exact: host } }],
        },
      },
    });
    expect(socket("oneapi-provider:cloud").typed_config).toMatchObject({
      sni: "api.cloud.example",
      ...context("DNS", "api.cloud.example"),
    });
    expect(socket("oneapi-provider:six").typed_config).toMatchObject(context("IP_ADDRESS", "::1"));
    expect(socket("oneapi-provider:six").typed_config).not.toHaveProperty("sni");
    expect(socket("oneapi-provider:local")).toBeUndefined();
  });

  it("are the same text for the same input, in whatever order it comes", () => {
    const one = buildClusters(ENDPOINTS, [order("cloud", "local"), order("local")], FILES);
    const two = buildClusters(new Map([...ENDPOINTS].reverse()), [order("local"), order("cloud", "local")], FILES);
    expect(JSON.stringify(two)).toBe(JSON.stringify(one));
  });
});

describe("cluster sets", () => {
  const snapshot = (endpoints: ReadonlyMap<string, ProviderEndpoint>, ...orders: ProviderOrder[]) => ({
    config: { version: "", providers: [], models: [] },
    json: "",
    endpoints,
    orders: new Map(orders.map((order) => [order.name, order])),
    prices: { models: [], projects: [] },
  });
  const namesIn = ({ response }: { response: string }) =>
    (JSON.parse(response) as { resources: JsonObject[] }).resources.map(({ name }) => name);

  it("have a version that follows from their content and their node's files", () => {
    const make = () => new ClusterSets(snapshot(ENDPOINTS, order("cloud")), new TestClock());
    const version = make().for(FILES).version;
    expect(make().for({ ...FILES }).version).toBe(version);
    expect(make().for({ ...FILES, ca: "/other.pem" }).version).not.toBe(version);
    expect(JSON.parse(make().for(FILES).response)).toMatchObject({
      version_info: version,
      type_url: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    });
  });

  it("keep what left for a minute, provider and order, and take a change over at once", () => {
    const clock = new TestClock();
    const sets = new ClusterSets(snapshot(ENDPOINTS, order("cloud", "local")), clock);
    const before = sets.for(FILES);
    const moved = new Map([endpoint("local", { tls: false, host: "127.0.0.1", port: 9000 })]);
    sets.update(snapshot(moved, order("local")));
    const between = sets.for(FILES);
    expect(namesIn(between)).toEqual(["oneapi-order:cloud>local", "oneapi-order:local", ...namesIn(before).slice(1)]);
    expect(between.response).toContain('"port_value":9000');
    expect(between.response).not.toContain('"port_value":8000');
    clock.advance(LINGER_MS - 1);
    expect(sets.for(FILES)).toBe(between);
    clock.advance(1);
    expect(namesIn(sets.for(FILES))).toEqual(["oneapi-order:local", "oneapi-provider:local"]);
  });
});

describe("a real Envoy", () => {
  let envoy: string | null;
  let folder: TestFolder;

  beforeAll(async () => {
    envoy = await findEnvoy();
    folder = await temporaryFolder();
  });
  afterAll(() => folder.remove());

  const node = (): StaticNode => ({
    node: "envoy-1",
    files: folder.files,
    listen: { host: "127.0.0.1", port: 0 },
    control: { host: "control.example", port: 443, tls: true },
    gatewayToken: "token",
  });
  const orders = [order("cloud", "local", "six", "cloud"), order("six")];

  it("takes the printed configuration, without a warning", async (context) => {
    if (envoy === null) return context.skip(NO_ENVOY);
    const config = staticEnvoyConfig(
      {
        config: { version: "", providers: [], models: [] },
        json: "",
        endpoints: ENDPOINTS,
        orders: new Map(orders.map((order) => [order.name, order])),
        prices: { models: [], projects: [] },
      },
      node(),
    );
    expect(await validate(envoy, folder.path, config)).toBe("");
  });

  it("would refuse a mistake in them", async (context) => {
    if (envoy === null) return context.skip(NO_ENVOY);
    const clusters = buildClusters(ENDPOINTS, orders, { ...folder.files, ca: "/no/such/file.pem" });
    const complaint = await validate(envoy, folder.path, { static_resources: { clusters } });
    expect(complaint).toContain("/no/such/file.pem");
  });
});
