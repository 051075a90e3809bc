// The Wasm side of the fuzz: asc compiles this with the core. Objects are only collected between plays.
import { ByteWriter } from "../../shared/core/byte-writer";
import { play } from "./play";

const COLLECT_EVERY: i32 = 64;
const LARGEST_IDLE: i32 = 1024 * 1024;

let input: Uint8Array = new Uint8Array(0);
let output: ByteWriter = new ByteWriter(1024);
let plays: i32 = 0;

/** Where the next input of `size` bytes is to be put. */
export function prepare(size: i32): usize {
  input = new Uint8Array(size);
  return input.dataStart;
}

/** Plays it; how many bytes came of it. */
export function run(): i32 {
  if (output.bytes.length > LARGEST_IDLE) output = new ByteWriter(1024);
  play(input, output.clear());
  return output.length;
}

export function result(): usize {
  return output.bytes.dataStart;
}

export function rest(): void {
  if (++plays % COLLECT_EVERY == 0) __collect();
}
