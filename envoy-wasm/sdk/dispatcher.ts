import { RootContext, StreamContext } from "./context";

/** The contexts by id: the only state of the SDK. */
const roots = new Map<i32, RootContext>();
const streams = new Map<i32, StreamContext>();

export function addRoot(root: RootContext): void {
  roots.set(root.id, root);
}

export function root(id: i32): RootContext | null {
  return roots.has(id) ? roots.get(id) : null;
}

/** Makes the stream's context; false when its root is not known. */
export function addStream(id: i32, rootId: i32): bool {
  if (!roots.has(rootId)) return false;
  streams.set(id, roots.get(rootId).createStream(id));
  return true;
}

export function stream(id: i32): StreamContext | null {
  return streams.has(id) ? streams.get(id) : null;
}

export function remove(id: i32): void {
  streams.delete(id);
  roots.delete(id);
}

export function streamCount(): i32 {
  return streams.size;
}
