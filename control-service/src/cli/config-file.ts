import { readFile } from "node:fs/promises";
import type { Terminal } from "./command.ts";

export interface ConfigFile {
  /** What messages call it. */
  readonly name: string;
  readonly text: string;
  readonly type: "application/yaml" | "application/json";
}

/** Reads the FILE of a command: `-` is the standard input; `.json` is JSON and all else YAML. */
export async function readConfigFile(path: string, terminal: Terminal): Promise<ConfigFile> {
  if (path === "-") return { name: "standard input", text: await terminal.readInput(), type: "application/yaml" };
  const type = path.endsWith(".json") ? "application/json" : "application/yaml";
  try {
    return { name: path, text: await readFile(path, "utf8"), type };
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
