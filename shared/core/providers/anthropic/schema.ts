import { ByteWriter } from "../../byte-writer.ts";
import { ARRAY, FALSE, Json, OBJECT, STRING } from "../../json.ts";
import { escapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";

/**
 * The part of JSON Schema that constrained output knows: every object is closed, and no keyword asks for arithmetic,
 * lengths or logic beyond `anyOf` and `allOf`. What is left out is told to the model in the description.
 * @see https://platform.claude.com/docs/en/build-with-claude/structured-outputs
 */
const UNSUPPORTED: Array<string> = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "maxItems",
  "uniqueItems",
  "contains",
  "minContains",
  "maxContains",
  "prefixItems",
  "additionalItems",
  "unevaluatedItems",
  "minProperties",
  "maxProperties",
  "patternProperties",
  "propertyNames",
  "unevaluatedProperties",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
  "if",
  "then",
  "else",
  "not",
];

const FORMATS: Array<string> = [
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
];

/** Keywords that describe the document and not the data. */
const REMARKS: Array<string> = ["$schema", "$id", "$comment"];

/** Writes the schema in the form that constrained output takes. */
export function writeSchema(schema: Json, w: JsonWriter): void {
  if (schema.kind !== OBJECT) {
    w.json(schema);
    return;
  }
  const notes = new ByteWriter(0);
  let description: Json | null = null;
  const alternatives = schema.value("anyOf") != null;
  w.object();
  let keyword = schema.first();
  while (keyword != null) {
    if (keyword.isKey("description") && keyword.kind === STRING) description = keyword;
    else if (keyword.isKey("additionalProperties")) {
      // Written at the end, for every object alike.
    } else if (isOneOf(keyword, REMARKS)) {
      // Left out.
    } else if (isUnsupported(keyword) || (alternatives && keyword.isKey("oneOf"))) note(keyword, notes);
    else if (keyword.isKey("oneOf")) writeSchemas(keyword, w.key("anyOf"));
    else if (keyword.isKey("anyOf") || keyword.isKey("allOf")) writeSchemas(keyword, w.keyOf(keyword));
    else if (keyword.isKey("items")) writeSchema(keyword, w.keyOf(keyword));
    else if (holdsNamedSchemas(keyword)) writeNamedSchemas(keyword, w.keyOf(keyword));
    else w.keyOf(keyword).json(keyword);
    keyword = keyword.next;
  }
  if (isObjectSchema(schema)) w.key("additionalProperties").bool(false);
  writeDescription(description, notes, w);
  w.end();
}

function writeSchemas(list: Json, w: JsonWriter): void {
  if (list.kind !== ARRAY) {
    w.json(list);
    return;
  }
  w.array();
  let schema = list.first();
  while (schema != null) {
    writeSchema(schema, w);
    schema = schema.next;
  }
  w.end();
}

function writeNamedSchemas(named: Json, w: JsonWriter): void {
  w.object();
  let schema = named.first();
  while (schema != null) {
    writeSchema(schema, w.keyOf(schema));
    schema = schema.next;
  }
  w.end();
}

/** Adds the keyword to what the description says: `minimum: 1; maximum: 5`. */
function note(keyword: Json, notes: ByteWriter): void {
  if (notes.length > 0) notes.ascii("; ");
  notes.text(keyword.key()).ascii(": ");
  keyword.write(notes);
}

function writeDescription(description: Json | null, notes: ByteWriter, w: JsonWriter): void {
  if (description == null && notes.length === 0) return;
  w.key("description");
  if (description != null) {
    if (notes.length === 0) {
      w.json(description);
      return;
    }
    w.copy(description.source, description.start - 1, description.end);
    if (!description.isEmpty()) w.out.ascii("\\n");
  } else w.raw('"');
  escapeJson(notes.bytes, 0, notes.length, w.out);
  w.out.byte(0x22);
}

function isUnsupported(keyword: Json): boolean {
  if (keyword.isKey("minItems")) return keyword.int(2) > 1;
  if (keyword.isKey("format")) return !isValueOf(keyword, FORMATS);
  // Look-around and such: groups that begin with a question mark.
  if (keyword.isKey("pattern")) return keyword.kind !== STRING || keyword.text().includes("(?");
  return isOneOf(keyword, UNSUPPORTED);
}

function isOneOf(member: Json, names: Array<string>): boolean {
  for (let i: i32 = 0; i < names.length; i++) {
    if (member.isKey(names[i]!)) return true;
  }
  return false;
}

function isValueOf(text: Json, values: Array<string>): boolean {
  for (let i: i32 = 0; i < values.length; i++) {
    if (text.is(values[i]!)) return true;
  }
  return false;
}

function holdsNamedSchemas(keyword: Json): boolean {
  if (keyword.kind !== OBJECT) return false;
  return keyword.isKey("properties") || keyword.isKey("$defs") || keyword.isKey("definitions");
}

function isObjectSchema(schema: Json): boolean {
  if (schema.value("properties") != null) return true;
  const type = schema.value("type");
  if (type == null) return false;
  if (type.is("object")) return true;
  let one = type.first();
  while (one != null) {
    if (one.is("object")) return true;
    one = one.next;
  }
  return false;
}

/**
 * Whether some object of the schema may hold members that it does not name (a map, free-form JSON), or the schema refers
 * to the whole of itself. Closed, it would mean something else.
 */
export function isOpenSchema(schema: Json): boolean {
  if (schema.kind !== OBJECT) return schema.kind !== FALSE;
  const reference = schema.value("$ref");
  if (reference != null) return reference.is("#");
  const properties = schema.value("properties");
  const additional = schema.value("additionalProperties");
  const closed = additional != null && additional.kind === FALSE;
  if (isObjectSchema(schema) && (properties == null || properties.isEmpty()) && !closed && !isComposed(schema))
    return true;
  let keyword = schema.first();
  while (keyword != null) {
    if (keyword.isKey("items") && isOpenSchema(keyword)) return true;
    if (holdsNamedSchemas(keyword) || isComposition(keyword)) {
      let inner = keyword.first();
      while (inner != null) {
        if (isOpenSchema(inner)) return true;
        inner = inner.next;
      }
    }
    keyword = keyword.next;
  }
  return false;
}

function isComposed(schema: Json): boolean {
  return schema.value("anyOf") != null || schema.value("oneOf") != null || schema.value("allOf") != null;
}

function isComposition(keyword: Json): boolean {
  return keyword.kind === ARRAY && (keyword.isKey("anyOf") || keyword.isKey("oneOf") || keyword.isKey("allOf"));
}
