import { apply, diff } from "./apply.ts";
import { type Command, DONE, REFUSED, type Terminal, UsageError, WRONG_USAGE } from "./command.ts";
import { dump } from "./dump.ts";
import { envoy } from "./envoy.ts";
import { ledger } from "./ledger.ts";
import { serve } from "./serve.ts";
import { validate } from "./validate.ts";

const commands: Readonly<Record<string, Command>> = { serve, validate, diff, apply, dump, envoy, ledger };

const HELP = `oneapi COMMAND [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join("\n")}

oneapi COMMAND --help says more. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.`;

/** Runs one command line and answers the exit code. */
export async function run([name = "", ...args]: string[], terminal: Terminal): Promise<number> {
  if (name === "--help" || name === "-h" || name === "help") {
    terminal.out(HELP);
    return DONE;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    terminal.error(name ? `oneapi: there is no command ${name}\n\n${HELP}` : HELP);
    return WRONG_USAGE;
  }
  if (args.includes("--help") || args.includes("-h")) {
    terminal.out(command.usage);
    return DONE;
  }
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.error(`oneapi ${name}: ${error.message}\n\n${command.usage}`);
      return WRONG_USAGE;
    }
    terminal.error(`oneapi ${name}: ${(error as Error).message}`);
    return REFUSED;
  }
}
