/** The two builds of the core that play the same inputs: the TypeScript in Node, and what asc makes of it. */
import "../../shared/core/target.ts";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout } from "../../deploy/checkout.ts";
import { ByteWriter } from "../../shared/core/byte-writer.ts";
import { play } from "./play.ts";

/** Takes an input of `case.ts`; what comes of it is good until the next play. Throws when the build breaks. */
export type Build = (input: Buffer) => Buffer;

export function inNode(): Build {
  const out = new ByteWriter(1024);
  return (input) => {
    play(input, out.clear());
    return Buffer.from(out.bytes.buffer, out.bytes.byteOffset, out.length);
  };
}

/** Compiles the fuzzed core with the settings of `oneapi.wasm`. */
export function compileCore(): Uint8Array<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), "oneapi-fuzz-"));
  try {
    const file = join(folder, "core.wasm");
    const settings = ["--runtime", "minimal", "--enable", "simd", "--optimizeLevel", "3", "--shrinkLevel", "0"];
    const compiler = join(checkout, "node_modules/assemblyscript/bin/asc.js");
    const args = [compiler, "test/fuzz/module.ts", ...settings, "--exportStart", "_initialize", "--outFile", file];
    execFileSync(process.execPath, args, { cwd: checkout, stdio: ["ignore", "ignore", "pipe"] });
    return new Uint8Array(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  prepare(size: number): number;
  run(): number;
  result(): number;
  rest(): void;
}

/** A new instance; after a trap it is of no more use. */
export function inWasm(module: WebAssembly.Module): Build & { memory: () => number } {
  let reason = "";
  const abort = (message: number, _file: number, line: number, column: number) => {
    reason = `abort (message at ${message}) in line ${line}:${column}`;
  };
  const exports = new WebAssembly.Instance(module, { env: { abort } }).exports as unknown as Exports;
  exports._initialize();
  const build = (input: Buffer): Buffer => {
    const at = exports.prepare(input.length) >>> 0;
    Buffer.from(exports.memory.buffer, at, input.length).set(input);
    try {
      const size = exports.run();
      const from = exports.result() >>> 0;
      const output = Buffer.from(Buffer.from(exports.memory.buffer, from, size));
      exports.rest();
      return output;
    } catch (problem) {
      throw new Error(`the module trapped: ${problem instanceof Error ? problem.message : problem} ${reason}`);
    }
  };
  return Object.assign(build, { memory: () => exports.memory.buffer.byteLength });
}
