import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { Form } from "../../multipart.ts";

/**
 * The form for a provider of the OpenAI family: the client's own bytes, with the part that names the model put right. That
 * part is written anew, as its headers may tell its length. Answers the client's body itself when nothing changes.
 */
export function writeForm(call: ClientRequest, form: Form, model: string): Uint8Array {
  const part = form.part("model");
  if (part == null || model === call.model) return call.body;
  const body = call.body;
  const out = new ByteWriter(body.length + model.length + 64);
  out.copy(body, 0, part.headStart);
  out.ascii('Content-Disposition: form-data; name="model"\r\n\r\n').text(model);
  out.copy(body, part.end, body.length);
  return out.take();
}
