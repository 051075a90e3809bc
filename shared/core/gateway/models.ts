import { ByteWriter } from "../byte-writer.ts";
import { JsonWriter } from "../json-writer.ts";
import { Config, Model } from "./config.ts";
import { KeyPolicy } from "./keys.ts";

/** Writes OpenAI's model list: what this key may use. */
export function writeModels(config: Config, key: KeyPolicy, out: ByteWriter): void {
  const w = new JsonWriter(out).object().key("object").string("list").key("data").array();
  for (let i: i32 = 0; i < config.modelNames.length; i++) {
    const model = config.model(config.modelNames[i]!);
    if (model != null && !model.disabled && key.allowsModel(model.name)) describe(w, model);
  }
  w.end().end();
}

/** Writes OpenAI's model object. */
export function writeModel(model: Model, out: ByteWriter): void {
  describe(new JsonWriter(out), model);
}

function describe(w: JsonWriter, model: Model): void {
  w.object().key("id").string(model.name).key("object").string("model");
  // OpenAI's shape wants a time of creation; a configured name has none.
  w.key("created").int(0).key("owned_by").string("oneapi").end();
}
