import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { checkout } from "../../deploy/checkout.ts";

/** Runs a program of node_modules in a folder of the checkout, its output shown as it comes; true when it ends with 0. */
export async function runTool(tool: string, args: string[], folder = "."): Promise<boolean> {
  const bin = join(checkout, "node_modules/.bin", tool);
  const child = spawn(bin, args, { cwd: join(checkout, folder), stdio: ["ignore", "inherit", "inherit"] });
  const [code] = await once(child, "close");
  return code === 0;
}
