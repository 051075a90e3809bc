import { checkConfig, type Mistake } from "@oneapi/contract";
import { parseConfigText } from "../config/parse.ts";
import { formatMistake } from "./admin-client.ts";
import { readArguments } from "./arguments.ts";
import { type Command, DONE, REFUSED } from "./command.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";

export const validate: Command = {
  summary: "checks an oneapi.yaml without a service",
  usage: `oneapi validate FILE

Checks the form of FILE (- for the standard input) and what its parts say of each other. Secrets are not looked up:
references like \${env:NAME} are read by the control service when the file is applied.`,

  async run(args, terminal) {
    const { operands } = readArguments(args, {}, ["FILE"]);
    const file = await readConfigFile(operands[0] as string, terminal);
    const { mistakes, warnings } = check(file);
    for (const mistake of mistakes) terminal.error(`${file.name}: ${formatMistake(mistake)}`);
    for (const warning of warnings) terminal.error(`${file.name}: warning: ${formatMistake(warning)}`);
    if (mistakes.length > 0) return REFUSED;
    terminal.out(`${file.name} is valid`);
    return DONE;
  },
};

function check(file: ConfigFile): { mistakes: Mistake[]; warnings: Mistake[] } {
  const parsed = file.type === "application/json" ? parseJson(file.text) : parseConfigText(file.text);
  return "document" in parsed ? checkConfig(parsed.document) : { mistakes: parsed.mistakes, warnings: [] };
}

function parseJson(text: string): ReturnType<typeof parseConfigText> {
  try {
    return { document: JSON.parse(text), mistakes: [] };
  } catch (error) {
    return { mistakes: [{ path: "", message: (error as Error).message }] };
  }
}
