import type { Mistake } from "@oneapi/contract";
import type { ConfigChange } from "../config/diff.ts";
import { ADMIN_USAGE, AdminClient, adminOptions, formatMistake } from "./admin-client.ts";
import { readArguments } from "./arguments.ts";
import { type Command, DONE, type Terminal } from "./command.ts";
import { readConfigFile } from "./config-file.ts";

interface ApplyAnswer {
  readonly version: string;
  readonly changes: ConfigChange[];
  readonly warnings: Mistake[];
}

export const apply: Command = {
  summary: "makes a running service's configuration what an oneapi.yaml says",
  usage: `oneapi apply FILE [options]

Applies FILE (- for the standard input) in one transaction and prints what changed.

${ADMIN_USAGE}`,

  async run(args, terminal) {
    const answer = await send(args, terminal, "/config");
    terminal.out(answer.changes.length > 0 ? `applied as version ${answer.version}` : "nothing to change");
    return DONE;
  },
};

export const diff: Command = {
  summary: "shows what an apply would change, and changes nothing",
  usage: `oneapi diff FILE [options]

Compares FILE (- for the standard input) with the service's configuration. Secrets show as their references.

${ADMIN_USAGE}`,

  async run(args, terminal) {
    const answer = await send(args, terminal, "/config?dry_run=true");
    if (answer.changes.length === 0) terminal.out("nothing to change");
    return DONE;
  },
};

async function send(args: string[], terminal: Terminal, path: string): Promise<ApplyAnswer> {
  const { values, operands } = readArguments(args, adminOptions, ["FILE"]);
  const client = new AdminClient(values, terminal);
  const file = await readConfigFile(operands[0] as string, terminal);
  const answer = JSON.parse(await client.ask("PUT", path, file)) as ApplyAnswer;
  for (const warning of answer.warnings) terminal.error(`warning: ${formatMistake(warning)}`);
  for (const change of answer.changes) terminal.out(formatChange(change));
  return answer;
}

const SIGNS = { add: "+", change: "~", remove: "-" } as const;

function formatChange({ op, path, before, after }: ConfigChange): string {
  const values = { add: [after], change: [before, after], remove: [before] }[op];
  return `${SIGNS[op]} ${path}: ${values.map((value) => JSON.stringify(value)).join(" -> ")}`;
}
