import { resolve } from "node:path";
import { parseArgs } from "node:util";

export type Options = {
  /** Pairs of slices for each phase. */
  rounds: number;
  /** Names of the phases to run; empty for all. */
  only: string[];
  /** What a fresh gateway serves before its memory is looked at. */
  memoryRequests: number;
  /** Requests that the Kong plugin has to refuse. */
  refusals: number;
  /** Where all samples are written as JSON. */
  json: string | null;
  /** A missed limit is an error. */
  check: boolean;
};

/** Command line that cannot be obeyed; the message says why. */
export class UsageError extends Error {}

export function usage(phases: string[]): string {
  return `npm run bench -- [options] [NAME …]

  NAME                 these phases only, as with --only
  --rounds N           pairs of slices for each phase                       [10]
  --only NAME,…        these phases only: ${phases.slice(0, 4).join(", ")},
                       ${phases.slice(4).join(", ")}
  --memory-requests N  requests before memory is looked at                  [100000]
  --refusals N         of kong: requests that the plugin refuses            [100000]
  --json FILE          all samples
  --check              end with 1 when a limit is missed
`;
}

/**
 * Reads the command line; null when only help is wanted. Paths are taken from `folder`, the one that the user is in.
 * Throws {@link UsageError}.
 */
export function readOptions(args: string[], folder: string, phases: string[]): Options | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const only = [...(values.only?.split(",") ?? []), ...positionals];
  const unknown = only.find((name) => !phases.includes(name));
  if (unknown !== undefined) throw new UsageError(`${unknown}: there is no such phase`);
  return {
    rounds: readNumber("--rounds", values.rounds),
    only,
    memoryRequests: readNumber("--memory-requests", values["memory-requests"]),
    refusals: readNumber("--refusals", values.refusals),
    json: values.json === undefined ? null : resolve(folder, values.json),
    check: values.check,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        rounds: { type: "string", default: "10" },
        only: { type: "string" },
        "memory-requests": { type: "string", default: "100000" },
        refusals: { type: "string", default: "100000" },
        json: { type: "string" },
        check: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} ${text}: must be a whole number from 1`);
}
