/** What Anthropic refuses before a model sees it, with its own words. Unknown members are refused at every level. */
import { type Account, isObject, type JsonObject, objectsOf, Refused } from "./answer.ts";
import { type Gates, gatesOf } from "./anthropic-gates.ts";

const FIELDS =
  `model max_tokens messages system stop_sequences stream temperature top_p top_k tools tool_choice thinking
  output_config metadata service_tier speed inference_geo cache_control container diagnostics mcp_servers`.split(/\s+/);
const BLOCK_FIELDS: Record<string, string[]> = {
  text: ["type", "text", "cache_control", "citations"],
  image: ["type", "source", "cache_control"],
  document: ["type", "source", "title", "context", "citations", "cache_control"],
  tool_use: ["type", "id", "name", "input", "cache_control", "caller"],
  tool_result: ["type", "tool_use_id", "content", "is_error", "cache_control"],
  thinking: ["type", "thinking", "signature"],
  redacted_thinking: ["type", "data"],
};
const IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"];
const SCHEMA_KEYWORDS_REFUSED =
  "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength uniqueItems maxItems if then else not oneOf".split(
    " ",
  );

function invalid(message: string): Refused {
  return new Refused(400, "invalid_request_error", message);
}

export function checkHeaders(headers: Record<string, string>, account: Account): void {
  const key = headers["x-api-key"] ?? headers.authorization?.replace(/^Bearer /, "");
  if (account.keys !== undefined) {
    if (key === undefined || key === "") throw new Refused(401, "authentication_error", "x-api-key header is required");
    if (!account.keys.includes(key)) throw new Refused(401, "authentication_error", "invalid x-api-key");
  }
  const version = headers["anthropic-version"];
  if (version === undefined) throw invalid("anthropic-version: header is required");
  if (version !== "2023-06-01" && version !== "2026-10-21") {
    throw invalid(`anthropic-version: "${version}" is not a valid version`);
  }
}

export function checkContext(tokens: number, account: Account): void {
  if (account.context === undefined || tokens <= account.context) return;
  throw invalid(`prompt is too long: ${tokens} tokens > ${account.context} maximum`);
}

export function checkMessages(body: JsonObject, version: string, account: Account): void {
  refuseUnknown(body, FIELDS, "");
  if (typeof body.model !== "string") throw invalid("model: Field required");
  if (account.models !== undefined && !account.models.includes(body.model)) {
    throw new Refused(404, "not_found_error", `model: ${body.model}`);
  }
  const gates = gatesOf(body.model);
  if (body.max_tokens === undefined) throw invalid("max_tokens: Field required");
  if (!Number.isInteger(body.max_tokens) || Number(body.max_tokens) < 0) {
    throw invalid("max_tokens: Input should be greater than or equal to 0");
  }
  if (!Array.isArray(body.messages)) throw invalid("messages: Field required");
  if (body.messages.length === 0) throw invalid("messages: at least one message is required");
  checkSystem(body.system);
  for (const [index, message] of body.messages.entries()) checkMessage(message, index, body.model as string, gates);
  const turns = body.messages.filter(isObject);
  if (turns[0]?.role === "assistant") throw invalid('messages: first message must use the "user" role');
  if (turns.at(-1)?.role === "assistant") checkPrefill(turns.at(-1), gates);
  checkToolTurns(turns);
  checkSampling(body, version, gates);
  checkTools(body, gates);
  checkThinking(body, gates);
  checkFormat(body.output_config, gates);
  checkRest(body);
}

function refuseUnknown(value: JsonObject, known: string[], at: string): void {
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw invalid(`${at}${name}: Extra inputs are not permitted`);
  }
}

function checkSystem(system: unknown): void {
  if (system === undefined || typeof system === "string") return;
  if (!Array.isArray(system)) throw invalid("system: Input should be a valid string");
  for (const [index, block] of system.entries()) checkBlock(block, `system.${index}`, ["text"]);
}

function checkMessage(message: unknown, index: number, model: string, gates: Gates): void {
  const at = `messages.${index}`;
  if (!isObject(message)) throw invalid(`${at}: Input should be a valid dictionary`);
  refuseUnknown(message, ["role", "content"], `${at}.`);
  const { role, content } = message;
  if (role !== "user" && role !== "assistant" && role !== "system") {
    throw invalid(`messages: Unexpected role "${role}". Allowed roles are "user" or "assistant".`);
  }
  if (role === "system" && !gates.systemTurns) throw invalid(`role 'system' is not supported on this model: ${model}`);
  if (typeof content === "string") {
    if (content === "") throw invalid(`${at}: user messages must have non-empty content`);
    return;
  }
  if (!Array.isArray(content)) throw invalid(`${at}.content: Field required`);
  if (content.length === 0) throw invalid(`${at}: all messages must have non-empty content`);
  const allowed =
    role === "assistant"
      ? ["text", "tool_use", "thinking", "redacted_thinking"]
      : ["text", "image", "document", "tool_result"];
  for (const [blockIndex, block] of content.entries()) checkBlock(block, `${at}.content.${blockIndex}`, allowed);
}

function checkBlock(block: unknown, at: string, allowed: string[]): void {
  if (!isObject(block) || typeof block.type !== "string") throw invalid(`${at}.type: Field required`);
  if (!allowed.includes(block.type)) {
    throw invalid(
      `${at}: Input tag '${block.type}' found using 'type' does not match any of the expected tags: '${allowed.join("', '")}'`,
    );
  }
  refuseUnknown(block, BLOCK_FIELDS[block.type] ?? [], `${at}.${block.type}.`);
  if (block.type === "text") {
    if (typeof block.text !== "string") throw invalid(`${at}.text.text: Field required`);
    if (block.text === "") throw invalid("messages: text content blocks must be non-empty");
    if (block.text.trim() === "") throw invalid("messages: text content blocks must contain non-whitespace text");
  }
  if (block.type === "image" || block.type === "document") checkSource(block.source, `${at}.${block.type}.source`);
  if (block.type === "tool_use") {
    checkId(block.id, `${at}.tool_use.id`);
    if (!isObject(block.input)) throw invalid(`${at}.tool_use.input: Input should be a valid dictionary`);
    if (typeof block.name !== "string") throw invalid(`${at}.tool_use.name: Field required`);
  }
  if (block.type === "tool_result") {
    checkId(block.tool_use_id, `${at}.tool_result.tool_use_id`);
    if (Array.isArray(block.content)) {
      const parts = ["text", "image", "document"];
      for (const [index, part] of block.content.entries())
        checkBlock(part, `${at}.tool_result.content.${index}`, parts);
    }
  }
}

function checkId(id: unknown, at: string): void {
  if (typeof id !== "string" || !/^[a-zA-Z0-9_-]+$/.test(id)) {
    throw invalid(`${at}: String should match pattern '^[a-zA-Z0-9_-]+$'`);
  }
}

function checkSource(source: unknown, at: string): void {
  if (!isObject(source)) throw invalid(`${at}: Field required`);
  if (source.type === "url") {
    refuseUnknown(source, ["type", "url"], `${at}.url.`);
    if (!String(source.url).startsWith("https://")) throw invalid(`${at}.url.url: Only HTTPS URLs are supported.`);
    return;
  }
  if (source.type !== "base64")
    throw invalid(`${at}: Input tag '${source.type}' does not match any of the expected tags`);
  refuseUnknown(source, ["type", "media_type", "data"], `${at}.base64.`);
  const media = String(source.media_type);
  if (at.endsWith("image.source") && !IMAGE_TYPES.includes(media)) {
    throw invalid(`${at}.base64.media_type: Input should be '${IMAGE_TYPES.join("', '")}'`);
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(String(source.data))) throw invalid(`${at}.base64: invalid base64 data`);
}

function checkPrefill(last: JsonObject | undefined, gates: Gates): void {
  if (!gates.prefill) {
    throw invalid(
      "This model does not support assistant message prefill. The conversation must end with a user message.",
    );
  }
  const text = typeof last?.content === "string" ? last.content : String(objectsOf(last?.content).at(-1)?.text ?? "");
  if (/\s$/.test(text)) throw invalid("messages: final assistant content cannot end with trailing whitespace");
}

/** Each tool_use has its tool_result in the very next turn, results first, and no result stands alone. */
function checkToolTurns(turns: JsonObject[]): void {
  const merged: { role: unknown; blocks: JsonObject[] }[] = [];
  for (const turn of turns) {
    const last = merged.at(-1);
    if (last?.role === turn.role) last?.blocks.push(...objectsOf(turn.content));
    else merged.push({ role: turn.role, blocks: objectsOf(turn.content) });
  }
  let open: unknown[] = [];
  merged.forEach(({ blocks }, index) => {
    const results = blocks.filter((block) => block.type === "tool_result").map((block) => block.tool_use_id);
    const stray = results.find((id) => !open.includes(id));
    if (stray !== undefined) {
      throw invalid(
        `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    }
    const missing = open.filter((id) => !results.includes(id));
    const late = results.length > 0 && blocks.slice(0, results.length).some((block) => block.type !== "tool_result");
    if (missing.length > 0 || late) refuseUnanswered(index - 1, missing.length > 0 ? missing : results);
    if (new Set(results).size < results.length) {
      throw invalid(
        `messages.${index}.content: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${results[0]}`,
      );
    }
    open = blocks.filter((block) => block.type === "tool_use").map((block) => block.id);
  });
  if (open.length > 0) refuseUnanswered(merged.length - 1, open);
}

function refuseUnanswered(index: number, ids: unknown[]): never {
  throw invalid(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(", ")}. ` +
      "Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
  );
}

function checkSampling(body: JsonObject, version: string, gates: Gates): void {
  for (const name of ["temperature", "top_p", "top_k"]) {
    if (body[name] === undefined) continue;
    if (!gates.sampling || version === "2026-10-21") throw invalid(`${name}: Extra inputs are not permitted`);
    if (typeof body[name] !== "number") throw invalid(`${name}: Input should be a valid number`);
  }
  if (Number(body.temperature ?? 0) > 1) throw invalid("temperature: range: 0..1");
  if (Number(body.top_p ?? 0) > 1) throw invalid("top_p: range: 0..1");
  if (!gates.bothSampling && body.temperature !== undefined && body.top_p !== undefined) {
    throw invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one.");
  }
}

function checkTools(body: JsonObject, gates: Gates): void {
  objectsOf(body.tools).forEach((tool, index) => {
    const at = `tools.${index}.custom`;
    refuseUnknown(tool, ["name", "description", "input_schema", "strict", "cache_control", "type"], `${at}.`);
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(String(tool.name))) {
      throw invalid(`${at}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
    }
    if (!isObject(tool.input_schema)) throw invalid(`${at}.input_schema: Field required`);
    if (tool.input_schema.type !== "object") throw invalid(`${at}.input_schema.type: Field required`);
  });
  const choice = body.tool_choice;
  if (choice === undefined) return;
  if (body.tools === undefined) throw invalid("tool_choice: may only be specified while providing tools.");
  const type = isObject(choice) ? String(choice.type) : "";
  if (!isObject(choice) || !["auto", "any", "tool", "none"].includes(type)) {
    throw invalid("tool_choice: Input should be a valid dictionary or object");
  }
  const known = type === "tool" ? ["type", "name", "disable_parallel_tool_use"] : ["type", "disable_parallel_tool_use"];
  refuseUnknown(choice, type === "none" ? ["type"] : known, `tool_choice.${type}.`);
  const thinking = isObject(body.thinking) && body.thinking.type !== "disabled";
  if ((type === "any" || type === "tool") && (thinking || !gates.forcedTools)) {
    throw invalid("tool_choice: Thinking may not be enabled when tool_choice forces tool use.");
  }
}

function checkThinking(body: JsonObject, gates: Gates): void {
  const thinking = body.thinking;
  if (thinking === undefined) return;
  if (!isObject(thinking)) throw invalid("thinking: Input should be a valid dictionary");
  if (thinking.type === "adaptive") {
    if (!gates.adaptiveThinking) throw invalid("thinking.type.adaptive is not supported for this model");
    refuseUnknown(thinking, ["type", "display"], "thinking.adaptive.");
    return;
  }
  if (thinking.type === "disabled" || thinking.type === "between_tools") {
    refuseUnknown(thinking, ["type"], `thinking.${thinking.type}.`);
    return;
  }
  if (thinking.type !== "enabled") throw invalid("thinking: Input tag does not match any of the expected tags");
  if (!gates.budgetThinking) throw invalid("thinking.type.enabled is not supported for this model");
  refuseUnknown(thinking, ["type", "budget_tokens", "display"], "thinking.enabled.");
  const budget = Number(thinking.budget_tokens);
  if (!(budget >= 1024)) throw invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
  if (budget >= Number(body.max_tokens)) throw invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
  if (body.temperature !== undefined && body.temperature !== 1) {
    throw invalid("`temperature` may only be set to 1 when thinking is enabled.");
  }
}

function checkFormat(config: unknown, gates: Gates): void {
  if (config === undefined) return;
  if (!isObject(config)) throw invalid("output_config: Input should be a valid dictionary");
  refuseUnknown(config, ["effort", "format"], "output_config.");
  if (config.effort !== undefined && !gates.effort) {
    throw invalid("output_config.effort: This model does not support the effort parameter.");
  }
  if (config.effort !== undefined && !["low", "medium", "high", "xhigh", "max"].includes(String(config.effort))) {
    throw invalid("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'");
  }
  if (config.format === undefined) return;
  if (!isObject(config.format) || config.format.type !== "json_schema") {
    throw invalid("output_config.format.type: Input should be 'json_schema'");
  }
  refuseUnknown(config.format, ["type", "schema"], "output_config.format.");
  checkSchema(config.format.schema, "output_config.format.schema");
}

function checkSchema(schema: unknown, at: string): void {
  if (!isObject(schema)) throw invalid(`${at}: Input should be a valid dictionary`);
  const refused = Object.keys(schema).find((keyword) => SCHEMA_KEYWORDS_REFUSED.includes(keyword));
  if (refused !== undefined) throw invalid(`${at}: For '${schema.type}' type, property '${refused}' is not supported`);
  if (schema.type === "object" && schema.additionalProperties !== false) {
    throw invalid(`${at}: For 'object' type, 'additionalProperties' must be explicitly set to false`);
  }
  if (isObject(schema.properties)) {
    for (const [name, value] of Object.entries(schema.properties)) checkSchema(value, `${at}.properties.${name}`);
  }
  if (isObject(schema.items)) checkSchema(schema.items, `${at}.items`);
}

function checkRest(body: JsonObject): void {
  if (body.stop_sequences !== undefined) {
    const stops = body.stop_sequences;
    if (!Array.isArray(stops)) throw invalid("stop_sequences: Input should be a valid list");
    if (stops.some((stop) => String(stop).trim() === "")) {
      throw invalid("stop_sequences: each stop sequence must contain non-whitespace");
    }
  }
  if (body.stream !== undefined && typeof body.stream !== "boolean") {
    throw invalid("stream: Input should be a valid boolean");
  }
  if (body.metadata !== undefined) {
    if (!isObject(body.metadata)) throw invalid("metadata: Input should be a valid dictionary");
    refuseUnknown(body.metadata, ["user_id"], "metadata.");
    if (/@|^\+?\d[\d -]{6,}$/.test(String(body.metadata.user_id ?? ""))) {
      throw invalid("metadata.user_id: user_id appears to contain an email address or phone number");
    }
  }
}
