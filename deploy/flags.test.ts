import { describe, expect, test } from "vitest";
import { readFlags, UsageError } from "./flags.ts";

const read = (...args: string[]) => readFlags(args, "/somewhere");

describe("the command line of up", () => {
  test("has a demo on one Envoy as its default", () => {
    expect(read()).toMatchObject({
      gateways: ["envoy"],
      port: 8080,
      controlPort: 8090,
      workers: 1,
      demo: true,
      json: false,
    });
  });

  test("takes every flag", () => {
    const line =
      "--gateway envoy,envoy --port 0 --control-port 1 --workers 3 --no-demo --json --database-url d --redis-url r";
    expect(read(...line.split(" "))).toMatchObject({
      gateways: ["envoy", "envoy"],
      port: 0,
      controlPort: 1,
      workers: 3,
      demo: false,
      json: true,
      databaseUrl: "d",
      redisUrl: "r",
    });
  });

  test("takes paths from the user's folder", () => {
    expect(read("--config", "my.yaml", "--data-dir", "state")).toMatchObject({
      config: "/somewhere/my.yaml",
      dataDir: "/somewhere/state",
    });
  });

  test("sets up no demo beside a configuration of the user's", () => {
    expect(read("--config", "my.yaml")?.demo).toBe(false);
  });

  test.each([
    [["--port", "http"], "--port http: must be a whole number from 0 to 65535"],
    [["--workers", "0"], "--workers 0: must be a whole number from 1 to 1024"],
    [["--gateway", "nginx"], "--gateway nginx: must be envoy"],
    [["--gateway", "envoy,tyk"], "--gateway tyk: must be envoy or kong"],
    [["--prot", "1"], "--prot"],
    [["extra"], "extra"],
  ])("refuses %j", (args, message) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(message);
  });

  test("only helps when asked for help", () => {
    expect(read("--help")).toBeNull();
  });
});
