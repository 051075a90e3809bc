/** Forms, which carry the images that are to be edited. */
import type { JsonObject } from "./answer.ts";

/** A file of a form. */
export interface FormFile extends JsonObject {
  name: string;
  type: string;
  bytes: number;
}

/** Its fields by name: texts, files, or lists where a name comes again. Rejects when it is no form. */
export async function formOf(raw: Buffer, type: string): Promise<JsonObject> {
  const form = await new Response(new Uint8Array(raw), { headers: { "content-type": type } }).formData();
  const fields: JsonObject = {};
  for (const name of new Set(form.keys())) {
    const values = form.getAll(name).map((value) => (typeof value === "string" ? value : fileOf(value)));
    fields[name.replace(/\[\]$/, "")] = values.length === 1 ? values[0] : values;
  }
  return fields;
}

function fileOf({ name, type, size }: File): FormFile {
  return { name, type, bytes: size };
}
