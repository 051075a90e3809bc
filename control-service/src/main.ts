import { text } from "node:stream/consumers";
import { run } from "./cli/run.ts";

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  readInput: () => text(process.stdin),
});
