/** What a chat in OpenAI's shape asks of the model: OpenAI's own, and that of all who took its shape over. */
import { isObject, type JsonObject, listOf, objectsOf } from "./answer.ts";
import { countWords, describeImage, mediaTypeOf, type Prompt } from "./reply.ts";

export function promptOf(body: JsonObject): Prompt {
  const messages = objectsOf(body.messages);
  const lastUser = messages.findLast((entry) => entry.role === "user");
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return {
    user: textOf(lastUser?.content),
    results: resultsOf(messages),
    images: objectsOf(lastUser?.content)
      .filter((part) => part.type === "image_url")
      .map(imageOf),
    tools: toolsOf(body.tools),
    choice: choiceOf(body.tool_choice),
    format: formatOf(body.response_format),
    stop: typeof body.stop === "string" ? [body.stop] : listOf(body.stop).map(String),
    limit: typeof limit === "number" ? limit : null,
    reasoning: typeof body.reasoning_effort === "string" && body.reasoning_effort !== "none",
  };
}

/** What the tools answered, when that is what came last. */
export function resultsOf(messages: JsonObject[]): string[] {
  const last = messages.findLastIndex((message) => message.role !== "tool");
  return messages.slice(last + 1).map((message) => textOf(message.content));
}

export function toolsOf(tools: unknown): Prompt["tools"] {
  return objectsOf(tools).flatMap((tool) =>
    isObject(tool.function) ? [{ name: String(tool.function.name), schema: tool.function.parameters }] : [],
  );
}

export function promptTokens(body: JsonObject): number {
  return objectsOf(body.messages).reduce((sum, message) => sum + countWords(textOf(message.content)), 0);
}

export function asksForUsage(body: JsonObject): boolean {
  return isObject(body.stream_options) && body.stream_options.include_usage === true;
}

export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return objectsOf(content)
    .filter((part) => typeof part.text === "string")
    .map((part) => String(part.text))
    .join("\n");
}

function imageOf(part: JsonObject): string {
  return describeUrl(isObject(part.image_url) ? String(part.image_url.url) : "");
}

/** An address, a data URI, or bare base64. */
export function describeUrl(url: string): string {
  const data = /^data:([^;]+);base64,(.*)$/s.exec(url);
  if (data !== null) return describeImage(data[1] ?? "", data[2] ?? "");
  return url.includes("://") ? `image ${url}` : describeImage(mediaTypeOf(url), url);
}

export function choiceOf(choice: unknown): Prompt["choice"] {
  if (choice === "none" || choice === "required") return choice;
  if (isObject(choice) && isObject(choice.function)) return { name: String(choice.function.name) };
  return "auto";
}

export function formatOf(format: unknown): Prompt["format"] {
  if (!isObject(format)) return null;
  if (format.type === "json_object") return "json";
  if (format.type !== "json_schema" || !isObject(format.json_schema)) return null;
  return isObject(format.json_schema.schema) ? format.json_schema.schema : "json";
}
