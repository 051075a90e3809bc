/**
 * Memory that the host writes into. It asks for it (`proxy_on_memory_allocate`) in the middle of a call of ours, so what
 * it gets is decided before the call: a buffer of its own that lives as long as somebody refers to it, or the scratch
 * buffer, which serves every answer that is read at once and costs no allocation.
 */

let scratch: Uint8Array = new Uint8Array(16 * 1024);
let keeps: bool = false;
let kept: ArrayBuffer | null = null;

/** About how many bytes have been allocated since the last collection. */
let garbage: i32 = 0;
/** What is read from the host is copied about this often on its way. */
const COPIES: i32 = 3;
/** About what one call of the host allocates in small objects. */
const CALL_GARBAGE: i32 = 512;
const COLLECT_AT: i32 = 256 * 1024;

/** Counts one call of the host; whether so much has been allocated that a collection is worth its time. */
export function isCollectionDue(): bool {
  garbage += CALL_GARBAGE;
  if (garbage < COLLECT_AT) return false;
  garbage = 0;
  return true;
}

/** Two words where the host puts a pointer and a size. */
const results: usize = memory.data(16);

/** Larger answers give their memory back. */
const LARGEST_SCRATCH: i32 = 1024 * 1024;

/** The next answer gets a buffer of its own. */
export function keepNext(): void {
  keeps = true;
}

/** The next answer goes to the scratch buffer. */
export function reuseNext(): void {
  keeps = false;
  if (scratch.length > LARGEST_SCRATCH) scratch = new Uint8Array(16 * 1024);
  store<u32>(results, 0);
  store<u32>(results, 0, 4);
}

/** For the dispatcher: what the host gets. */
export function allocate(size: i32): usize {
  garbage += size * COPIES;
  if (keeps) {
    const buffer = new ArrayBuffer(size);
    kept = buffer;
    return changetype<usize>(buffer);
  }
  if (scratch.length < size) scratch = new Uint8Array(size);
  return scratch.dataStart;
}

export function pointerResult(): usize {
  return results;
}

export function sizeResult(): usize {
  return results + 4;
}

/** The size of the last answer. */
export function answered(): i32 {
  return load<i32>(results, 4);
}

/** The last answer, in [0, answered()); good until the next call of the host. */
export function scratchBytes(): Uint8Array {
  return scratch;
}

/** The last answer, which was to be kept. */
export function keptBytes(): Uint8Array {
  const buffer = kept;
  kept = null;
  keeps = false;
  return buffer == null ? new Uint8Array(0) : Uint8Array.wrap(buffer);
}
