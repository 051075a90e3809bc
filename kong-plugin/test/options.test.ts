/** What of the command line and the environment is obeyed, and what is refused. That it ends the process is shown where one runs. */
import { expect, it } from "vitest";
import { readOptions, UsageError } from "../src/options.ts";

const NEEDED = { ONEAPI_CONTROL_URL: "http://control", ONEAPI_GATEWAY_TOKEN: "t" };

it("syncs the spool every second and holds 256 MiB, unless it is told otherwise", () => {
  expect(readOptions([], NEEDED)).toMatchObject({ spoolSync: "interval", spoolMaxBytes: 268_435_456 });
  const variables = { ...NEEDED, ONEAPI_KONG_SPOOL_SYNC: "never", ONEAPI_KONG_SPOOL_MAX_BYTES: "2000000" };
  expect(readOptions([], variables)).toMatchObject({ spoolSync: "never", spoolMaxBytes: 2_000_000 });
  const args = ["--spool-sync", "always", "--spool-max-bytes", "1048576"];
  expect(readOptions(args, variables)).toMatchObject({ spoolSync: "always", spoolMaxBytes: 1_048_576 });
});

it.each([
  [["--spool-sync", "sometimes"], "--spool-sync sometimes: must be one of always, interval, never"],
  [["--spool-max-bytes", "256MiB"], "--spool-max-bytes 256MiB: must be a whole number, at least 1048576"],
  [["--spool-max-bytes", "1000"], "--spool-max-bytes 1000: must be a whole number, at least 1048576"],
])("refuses %j", (args, message) => {
  expect(() => readOptions(args, NEEDED)).toThrow(new UsageError(message));
});
