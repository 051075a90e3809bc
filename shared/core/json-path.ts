import { Json } from "./json.ts";

/** The member of an object that may not be there itself; null for absent and for null. */
export function memberOf(container: Json | null, key: string): Json | null {
  if (container == null) return null;
  return container.value(key);
}

/** The first child of a container that may not be there itself. */
export function firstOf(container: Json | null): Json | null {
  if (container == null) return null;
  return container.first();
}
