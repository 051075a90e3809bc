/** `docs/providers.md`: what each kind of provider can do, as the scenarios found it. */
import { KINDS } from "./kinds.ts";
import { COLUMNS, type Column, ENDPOINTS, type Endpoint, type Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

/** Whether the scenario ended as expected with that kind. */
export type Passed = (scenario: Scenario, kind: string) => boolean;

const NOTHING = "–";

export function matrix(passed: Passed): string {
  const notes = new Notes();
  const rows = KINDS.flatMap(({ name }) =>
    ENDPOINTS.map((endpoint) => {
      const cells = COLUMNS.map((column) => cell(name, endpoint, column, passed, notes));
      return [name, endpoint, ...cells];
    }),
  );
  return [
    "# What each provider can do",
    "The official OpenAI SDKs of Node and Python run the same scenarios through a real gateway, once for every kind of provider; " +
      "the providers are fakes that refuse what the vendor refuses. This page is written by the run in Node, which fails when the " +
      "page says something else (`UPDATE_DOCS=1` writes it anew, see [test/README.md](../test/README.md)).",
    `**yes**: all scenarios of the cell end as with OpenAI. **partly**, **no**: some or all of them cannot, for the reason noted. ` +
      `**${NOTHING}**: the OpenAI API has no such thing at this endpoint. A number refers to the notes.`,
    table([["provider", "endpoint", ...COLUMNS], ...rows]),
    "## Notes",
    notes.text(),
    "## What a cell stands for",
    scenarioList(),
    "",
  ].join("\n\n");
}

/** Reasons, numbered as they come up. */
class Notes {
  readonly #reasons: string[] = [];

  numberOf(reason: string): number {
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason);
    return this.#reasons.indexOf(reason) + 1;
  }

  text(): string {
    return this.#reasons.map((reason, index) => `${index + 1}. ${reason}`).join("\n");
  }
}

function inCell(endpoint: Endpoint, column: Column): Scenario[] {
  return SCENARIOS.filter((scenario) => scenario.cell[0] === endpoint && scenario.cell[1] === column);
}

function cell(kind: string, endpoint: Endpoint, column: Column, passed: Passed, notes: Notes): string {
  const scenarios = inCell(endpoint, column);
  if (scenarios.length === 0) return NOTHING;
  if (scenarios.some((scenario) => !passed(scenario, kind))) return "**fails**";
  const exceptions = scenarios.flatMap((scenario) => scenario.except?.[kind] ?? []);
  const worths = new Set(
    scenarios.map(({ except }) => (except?.[kind] === undefined ? "yes" : (except[kind].worth ?? "no"))),
  );
  const word = worths.size === 1 ? [...worths][0] : "partly";
  const numbers = [...new Set(exceptions.map((exception) => notes.numberOf(exception.why)))];
  return numbers.length === 0 ? String(word) : `${word} [${numbers.join(", ")}]`;
}

/** Columns as wide as their widest cell, as the formatter wants them. */
function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

function scenarioList(): string {
  return ENDPOINTS.flatMap((endpoint) =>
    COLUMNS.map((column) => ({ endpoint, column, found: inCell(endpoint, column) })),
  )
    .filter(({ found }) => found.length > 0)
    .map(({ endpoint, column, found }) => `- ${endpoint}, ${column}: ${found.map(({ name }) => name).join("; ")}`)
    .join("\n");
}
