import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "../checkout.ts";

/** The text of `kong.conf` with these settings in the place of its own. */
export async function kongConf(settings: Record<string, string>): Promise<string> {
  const text = await readTemplate("kong.conf");
  const missing = Object.keys(settings).filter((name) => !new RegExp(`^${name} =`, "m").test(text));
  const lines = text.replace(/^(\w+) = .*$/gm, (line, name: string) =>
    settings[name] === undefined ? line : `${name} = ${settings[name]}`,
  );
  return [lines, ...missing.map((name) => `${name} = ${settings[name]}\n`)].join("");
}

/** The text of `kong.yml` with the relay at this URL. */
export async function kongYaml(relayUrl: string): Promise<string> {
  return (await readTemplate("kong.yml")).replace(/^( +url: ).*$/m, `$1${relayUrl}`);
}

function readTemplate(name: string): Promise<string> {
  return readFile(join(checkout, "deploy/kong", name), "utf8");
}
