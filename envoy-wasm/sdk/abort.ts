import { proxy_log } from "./hostcalls";
import { LOG_ERROR } from "./types";

// A file of its own: the compiler initialises the file that `abort` stands in before its garbage collector is ready, so
// nothing here may allocate at start.

/** A broken promise of our own: the host ends this VM and starts a new one. The log says where. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = String.UTF8.encode(
    "oneapi: " +
      (message ? message : "abort") +
      " at " +
      (file ? file : "?") +
      ":" +
      line.toString() +
      ":" +
      column.toString(),
  );
  proxy_log(LOG_ERROR, changetype<usize>(text), text.byteLength);
  unreachable();
}
