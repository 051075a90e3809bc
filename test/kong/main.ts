/**
 * A stand-in for Kong where none is installed: reads the same kong.conf and kong.yml, asks the plugin server with the same
 * words (session.jsonl is what a real Kong 3.9.1 said), and proxies as Kong does.
 *
 *     node test/kong/main.ts -c kong.conf
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import type { Declared } from "./declared.ts";
import type { Description } from "./description.ts";
import { PluginRpc } from "./plugin-rpc.ts";
import { KongWorker } from "./worker.ts";

const { values } = parseArgs({ options: { conf: { type: "string", short: "c", default: "kong.conf" } } });
const conf = readConf(readFileSync(values.conf, "utf8"));
const log = (text: string) => process.stderr.write(`kong: ${text}\n`);

function startWorker(): KongWorker {
  const [description] = JSON.parse(query(conf.pluginserver_oneapi_query_cmd ?? "")) as [Description];
  const declared = parse(readFileSync(conf.declarative_config ?? "", "utf8")) as Declared;
  return new KongWorker({ declared, description, rpc: new PluginRpc(conf.pluginserver_oneapi_socket ?? ""), log });
}

let worker = startWorker();
/** Of nginx: shorter, and a client that comes back after some seconds could meet a connection that is being closed. */
const KEEP_ALIVE_MS = 75_000;
const server = createServer({ requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS }, (client, answer) => {
  worker.serve(client, answer).catch((error: Error) => {
    log(error.message);
    answer.destroy();
  });
});
const [host = "", port = ""] = (conf.proxy_listen ?? "").split(":");
server.listen(Number(port), host);
// `kong reload`: new workers by the files as they are now, and the old ones end when they have nothing more to do.
process.on("SIGHUP", () => {
  const old = worker;
  worker = startWorker();
  old.retire();
  log("reloaded");
});
// As nginx ends: at once, or when the requests that it has are answered. https://nginx.org/en/docs/control.html
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit());
process.on("SIGQUIT", () => server.close(() => process.exit()));

/** As Kong runs it: through a shell, stdout must be JSON and nothing else. */
function query(command: string): string {
  return execFileSync("sh", ["-c", `exec ${command}`], { encoding: "utf8" });
}

function readConf(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => /^\w+ *=/.test(line));
  return Object.fromEntries(lines.map((line) => line.split(/ *= */, 2) as [string, string]));
}
