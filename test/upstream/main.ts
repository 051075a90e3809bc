/**
 * The fake provider as a process: `node test/upstream/main.ts --port N [--host H] [--key K]… [--model M]… [--lenient]
 * [--dialect D]`. Prints `{"port":N}` once it listens. Ends on SIGTERM, SIGINT, or when the pipe on its stdin closes, so it does not outlive
 * the process that started it.
 */
import { fstatSync } from "node:fs";
import { parseArgs } from "node:util";
import { isDialect } from "./dialects.ts";
import { startUpstream } from "./server.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    key: { type: "string", multiple: true },
    model: { type: "string", multiple: true },
    lenient: { type: "boolean", default: false },
    dialect: { type: "string" },
  },
});

const { dialect } = values;
if (dialect !== undefined && !isDialect(dialect)) throw new TypeError(`no such dialect: ${dialect}`);

const upstream = await startUpstream({
  host: values.host,
  port: Number(values.port),
  lenient: values.lenient,
  ...(values.key === undefined ? {} : { keys: values.key }),
  ...(dialect === undefined ? {} : { dialect }),
  ...(values.model === undefined ? {} : { models: values.model }),
});
process.stdout.write(`${JSON.stringify({ port: upstream.port })}\n`);

const end = async (): Promise<void> => {
  await upstream.stop();
  process.exit(0);
};
process.once("SIGTERM", end);
process.once("SIGINT", end);
const stdin = fstatSync(0);
if (stdin.isFIFO() || stdin.isSocket()) process.stdin.resume().once("end", end).once("error", end);
