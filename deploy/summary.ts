import type { GatewayKind } from "./flags.ts";

/** What a user of a running `up` needs to know. */
export type Summary = {
  gateways: { kind: GatewayKind; base_url: string; pid: number }[];
  admin_url: string;
  admin_token: string;
  /** Null without the demo. */
  demo_key: string | null;
  control_pid: number;
  /** Where the state is kept. */
  dataDir: string;
};

/** One line for programs. */
export function asJson({ gateways, admin_url, admin_token, demo_key, control_pid }: Summary): string {
  const base_url = gateways[0]?.base_url;
  return `${JSON.stringify({ base_url, gateways, admin_url, admin_token, demo_key, control_pid })}\n`;
}

/** Some lines for people. */
export function asText({ gateways, admin_url, demo_key, dataDir }: Summary): string {
  const urls = gateways.map(({ base_url }) => base_url);
  const lines = [
    "",
    "OneAPI is up.",
    "",
    `  Base URL   ${urls.join("\n             ")}`,
    ...(demo_key === null ? [] : [`  Key        ${demo_key}`]),
    `  Admin API  ${admin_url}/admin/v1   (bearer token in ${dataDir}/admin.token)`,
    "",
    ...(demo_key === null ? [] : calls(urls[0] ?? "", demo_key)),
    "Ctrl-C stops everything.",
    "",
  ];
  return lines.join("\n");
}

function calls(url: string, key: string): string[] {
  const call = (flags: string, extra: string) => [
    `  curl ${flags}${url}/chat/completions \\`,
    `    -H 'authorization: Bearer ${key}' -H 'content-type: application/json' \\`,
    `    -d '{"model":"gpt-demo",${extra}"messages":[{"role":"user","content":"Hello"}]}'`,
    "",
  ];
  return ["Try it, whole and streamed:", "", ...call("", ""), ...call("-N ", '"stream":true,')];
}
