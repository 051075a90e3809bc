import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG, startTestService, type TestService } from "../gateway/testing.ts";
import { readMigrations } from "../store/migrations.ts";
import { openPglite } from "../store/pglite.ts";
import { findEnvoy, NO_ENVOY, type TestFolder, temporaryFolder, validate } from "../xds/testing.ts";
import { run } from "./run.ts";

describe("oneapi envoy config", () => {
  let service: TestService;
  let folder: TestFolder;

  beforeAll(async () => {
    folder = await temporaryFolder();
    service = await startTestService(await openPglite("memory://", readMigrations()));
    expect((await service.admin("PUT", "/config", CONFIG)).status).toBe(200);
  });
  afterAll(async () => {
    await service?.close();
    await folder?.remove();
  });

  const oneapi = async (...args: string[]) => {
    const lines = { out: "", error: "" };
    const code = await run(["envoy", ...args], {
      environment: { ONEAPI_ADMIN_URL: service.url, ONEAPI_ADMIN_TOKEN: service.services.adminToken },
      out: (text) => {
        lines.out += text;
      },
      error: (text) => {
        lines.error += text;
      },
      readInput: async () => "",
    });
    return { code, ...lines };
  };

  it("prints what a real Envoy takes", async (context) => {
    const { out, code } = await oneapi(
      "config",
      "--wasm",
      folder.files.wasm,
      "--ca",
      folder.files.ca,
      "--node",
      "edge-7",
    );
    expect(code).toBe(0);
    const config = JSON.parse(out);
    expect(config.node.id).toBe("edge-7");
    const clusters = config.static_resources.clusters as { name: string }[];
    expect(clusters.map(({ name }) => name)).toEqual([
      "oneapi-control",
      "oneapi-order:first>second",
      "oneapi-provider:first",
      "oneapi-provider:second",
    ]);
    expect(JSON.stringify(clusters[0])).toContain(`"port_value":${new URL(service.url).port}`);
    const envoy = await findEnvoy();
    if (envoy === null) return context.skip(NO_ENVOY);
    expect(await validate(envoy, folder.path, config)).toBe("");
  });

  it.each([
    [["config"], /--wasm is missing/],
    [["konfig"], /only action is config/],
    [["config", "--wasm", "/a", "--listen", "nowhere"], /--listen must be HOST:PORT/],
    [["config", "--wasm", "/a", "--control", "localhost:1"], /--control must be an http or https URL/],
  ])("does not understand %o", async (args, complaint) => {
    const { code, error } = await oneapi(...args);
    expect(code).toBe(2);
    expect(error).toMatch(complaint);
  });
});
