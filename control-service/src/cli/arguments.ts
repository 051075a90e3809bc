import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./command.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads a command's arguments.
 *
 * @param operands what the positional ones are called, all of them required.
 * @throws {UsageError}
 */
export function readArguments<Given extends Options>(args: string[], options: Given, operands: readonly string[]) {
  const { values, positionals } = parse(args, options);
  if (positionals.length > operands.length) throw new UsageError(`unexpected argument ${positionals[operands.length]}`);
  const missing = operands[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  return { values, operands: positionals };
}

function parse<Given extends Options>(args: string[], options: Given) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
