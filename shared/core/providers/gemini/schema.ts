import { ARRAY, Json, NULL, NUMBER, OBJECT, STRING, TRUE } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";

/** Where older schemas keep what they refer to, and what that is called now. */
const OLD_REFERENCE: string = "#/definitions/";

/**
 * Writes a schema in the part of JSON Schema that the API takes: no `const` and no `nullable`, nothing beside `$ref`, and
 * what is referred to in `$defs`. The API ignores what else it does not know.
 * @see https://ai.google.dev/api/generate-content#FIELDS.response_json_schema
 */
export function writeSchema(schema: Json, w: JsonWriter): void {
  if (schema.kind !== OBJECT) {
    w.json(schema);
    return;
  }
  const only = onlyPart(schema);
  if (only != null) {
    writeSchema(only, w);
    return;
  }
  const reference = schema.value("$ref");
  const constant = schema.get("const");
  const enumerated = schema.value("enum") != null;
  w.object();
  let keyword = schema.first();
  while (keyword != null) {
    if (keyword.isKey("$ref")) writeReference(keyword, w.key("$ref"));
    else if (keyword.isKey("$defs") || keyword.isKey("definitions")) writeNamedSchemas(keyword, w.key("$defs"));
    else if (reference != null || isRemark(keyword)) {
      // Left out.
    } else if (keyword.isKey("const")) writeConstant(keyword, schema, enumerated, w);
    else if (keyword.isKey("enum")) writeEnumeration(keyword, schema, w);
    else if (keyword.isKey("type")) {
      if (constant == null || constant.kind !== NULL) writeType(keyword, schema, w.key("type"));
    } else if (keyword.isKey("properties")) writeNamedSchemas(keyword, w.keyOf(keyword));
    else if (isList(keyword)) writeSchemas(keyword, w.keyOf(keyword));
    else if (keyword.isKey("items") || keyword.isKey("additionalProperties")) writeSchema(keyword, w.keyOf(keyword));
    else w.keyOf(keyword).json(keyword);
    keyword = keyword.next;
  }
  w.end();
}

/** What the schema is if it says nothing but `allOf` of one part, as generators do to describe a reference. */
function onlyPart(schema: Json): Json | null {
  const parts = schema.value("allOf");
  if (parts == null || parts.kind !== ARRAY || parts.count() !== 1) return null;
  let keyword = schema.first();
  while (keyword != null) {
    if (
      !keyword.isKey("allOf") &&
      !keyword.isKey("description") &&
      !keyword.isKey("title") &&
      !keyword.isKey("default")
    )
      return null;
    keyword = keyword.next;
  }
  return parts.first();
}

/** Keywords that describe the document and not the data, or that were taken into others. */
function isRemark(keyword: Json): boolean {
  return keyword.isKey("$schema") || keyword.isKey("$comment") || keyword.isKey("nullable");
}

function isList(keyword: Json): boolean {
  return keyword.isKey("anyOf") || keyword.isKey("oneOf") || keyword.isKey("allOf") || keyword.isKey("prefixItems");
}

function writeReference(reference: Json, w: JsonWriter): void {
  const text = reference.kind === STRING ? reference.text() : "";
  if (text.startsWith(OLD_REFERENCE)) w.string("#/$defs/" + text.substring(OLD_REFERENCE.length));
  else w.json(reference);
}

/** A constant is an enumeration of one; the API enumerates strings and numbers only, so of others the type is kept. */
function writeConstant(constant: Json, schema: Json, enumerated: boolean, w: JsonWriter): void {
  if (constant.kind === STRING || constant.kind === NUMBER) {
    if (enumerated) return;
    w.key("enum").array().json(constant).end();
    if (constant.kind === STRING && schema.value("type") == null) w.key("type").string("string");
  } else if (constant.kind === NULL) w.key("type").string("null");
  else if (schema.value("type") == null) w.key("type").string(nameOfKind(constant.kind));
}

/** As with constants, strings and numbers are enumerated; that the value may be null is left to the type. */
function writeEnumeration(values: Json, schema: Json, w: JsonWriter): void {
  let nullable = false;
  let listed: Json | null = null;
  let other: Json | null = null;
  let value = values.first();
  while (value != null) {
    if (value.kind === STRING || value.kind === NUMBER) listed = value;
    else if (value.kind === NULL) nullable = true;
    else other = value;
    value = value.next;
  }
  if (schema.value("type") == null && (nullable || other != null)) {
    const named = listed != null ? listed : other;
    w.key("type");
    if (named == null) w.string("null");
    else if (!nullable) w.string(nameOfKind(named.kind));
    else w.array().string(nameOfKind(named.kind)).string("null").end();
  }
  if (listed == null) return;
  w.key("enum").array();
  value = values.first();
  while (value != null) {
    if (value.kind === STRING || value.kind === NUMBER) w.json(value);
    value = value.next;
  }
  w.end();
}

function nameOfKind(kind: i32): string {
  if (kind === STRING) return "string";
  if (kind === NUMBER) return "number";
  return kind === OBJECT ? "object" : kind === ARRAY ? "array" : "boolean";
}

/** OpenAPI's `nullable` is one more type here. */
function writeType(type: Json, schema: Json, w: JsonWriter): void {
  const nullable = schema.value("nullable");
  if (nullable != null && nullable.kind === TRUE && type.kind === STRING && !type.is("null")) {
    w.array().json(type).string("null").end();
  } else w.json(type);
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
  if (named.kind !== OBJECT) {
    w.json(named);
    return;
  }
  w.object();
  let schema = named.first();
  while (schema != null) {
    writeSchema(schema, w.keyOf(schema));
    schema = schema.next;
  }
  w.end();
}
