import { ADMIN_USAGE, AdminClient, adminOptions } from "./admin-client.ts";
import { readArguments } from "./arguments.ts";
import { type Command, DONE } from "./command.ts";

export const dump: Command = {
  summary: "prints a running service's configuration as an oneapi.yaml",
  usage: `oneapi dump [options]

Prints what was applied, to be applied again. A secret that was a reference is printed as that; one that was written out
is printed as \${stored:ID}, which an apply to the same service understands as "the one that you have".

${ADMIN_USAGE}`,

  async run(args, terminal) {
    const { values } = readArguments(args, adminOptions, []);
    terminal.out((await new AdminClient(values, terminal).ask("GET", "/config")).trimEnd());
    return DONE;
  },
};
