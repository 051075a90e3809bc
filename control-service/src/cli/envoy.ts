import { resolve } from "node:path";
import { ADMIN_USAGE, AdminClient, adminOptions } from "./admin-client.ts";
import { readArguments } from "./arguments.ts";
import { type Command, DONE, UsageError } from "./command.ts";

export const envoy: Command = {
  summary: "config: prints a static Envoy configuration",
  usage: `oneapi envoy config --wasm FILE [options]

Prints the clusters of a running service and a listener, for fleets whose Envoys get their clusters from a control plane
of their own. It holds the gateway token.

  --wasm FILE       oneapi.wasm on the machine of the Envoy
  --ca FILE         its bundle of certificate authorities   [/etc/ssl/certs/ca-certificates.crt]
  --node NAME       its node id                             [envoy-1]
  --listen HOST:PORT                                        [0.0.0.0:8080]
  --control URL     the control service as it reaches it    [the admin URL]
${ADMIN_USAGE}`,

  async run([action, ...args], terminal) {
    if (action !== "config") throw new UsageError("envoy's only action is config");
    const { values } = readArguments(
      args,
      {
        ...adminOptions,
        wasm: { type: "string" },
        ca: { type: "string" },
        node: { type: "string" },
        listen: { type: "string" },
        control: { type: "string" },
      },
      [],
    );
    if (values.wasm === undefined) throw new UsageError("--wasm is missing");
    const client = new AdminClient(values, terminal);
    const query = new URLSearchParams({ wasm: resolve(values.wasm), ...controlQuery(values.control ?? client.url) });
    if (values.ca !== undefined) query.set("ca", resolve(values.ca));
    if (values.node !== undefined) query.set("node", values.node);
    if (values.listen !== undefined) {
      const match = /^\[?(.+?)\]?:(\d+)$/.exec(values.listen);
      if (match === null) throw new UsageError("--listen must be HOST:PORT");
      query.set("listen_host", match[1] as string);
      query.set("listen_port", match[2] as string);
    }
    terminal.out(JSON.stringify(JSON.parse(await client.ask("GET", `/envoy/config?${query}`)), null, 2));
    return DONE;
  },
};

function controlQuery(text: string): Record<string, string> {
  if (!/^https?:\/\/[^/]/.test(text) || !URL.canParse(text))
    throw new UsageError("--control must be an http or https URL");
  const url = new URL(text);
  const tls = url.protocol === "https:";
  return {
    control_host: url.hostname.replace(/^\[|\]$/g, ""),
    control_port: url.port || (tls ? "443" : "80"),
    control_tls: String(tls),
  };
}
