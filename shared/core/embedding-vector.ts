import { writeBase64 } from "./base64.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeFloat32 } from "./float32.ts";
import { ARRAY, Json, NUMBER } from "./json.ts";
import { JsonWriter } from "./json-writer.ts";

/** Whether the value is an array of numbers. */
export function isVector(values: Json): boolean {
  if (values.kind !== ARRAY) return false;
  let value = values.first();
  while (value != null) {
    if (value.kind !== NUMBER) return false;
    value = value.next;
  }
  return true;
}

/** Writes a vector as base64 of float32, little-endian: the official SDKs ask for it unless they are told otherwise. */
export function writeEncodedVector(values: Json, w: JsonWriter): void {
  const floats = new ByteWriter(4 * values.count());
  let value = values.first();
  while (value != null) {
    writeFloat32(value.source, value.start, value.end, floats);
    value = value.next;
  }
  w.raw('"');
  writeBase64(floats.bytes, floats.length, w.out);
  w.out.byte(0x22);
}
