import { CHAT, COMPLETIONS, Provider } from "../../exchange.ts";

/** Where OpenAI's wire format is served. */
const COMPATIBLE: string = "/compatible-mode/v1";
const NATIVE: string = "/api/v1";

/** Whether the provider is spoken to in OpenAI's wire format: as configured, else as its base URL says. */
export function isCompatible(provider: Provider): boolean {
  const mode = provider.option("mode", "");
  return mode.length > 0 ? mode === "compatible" : provider.path.includes("/compatible-mode");
}

/**
 * Whether the compatible mode serves completions of a prompt for the model: of its coders alone, and not of all.
 * @see https://help.aliyun.com/en/model-studio/completions
 */
export function servesCompletions(provider: Provider, model: string): boolean {
  return isCompatible(provider) && (model.startsWith("qwen2.5-coder") || model.startsWith("qwen-coder-turbo"));
}

/** The path and query of DashScope's own generation. */
export function generationPath(provider: Provider, multimodal: boolean): string {
  const service = multimodal ? "multimodal-generation" : "text-generation";
  return nativePath(provider, "/services/aigc/" + service + "/generation");
}

/**
 * The path and query of something of DashScope's own API. Either of the two base URLs that the vendor documents may be
 * configured, or the bare host.
 * @see https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope
 */
export function nativePath(provider: Provider, name: string): string {
  return withQuery(rootOf(provider.path) + NATIVE + name, provider);
}

/** The path and query of an endpoint of OpenAI's: of a chat, a completion or embeddings. */
export function compatiblePath(provider: Provider, endpoint: i32): string {
  let name = "/embeddings";
  if (endpoint === CHAT) name = "/chat/completions";
  else if (endpoint === COMPLETIONS) name = "/completions";
  // A path that says so itself is taken as it is: a proxy may serve it elsewhere.
  const own = provider.path.includes("/compatible-mode");
  return withQuery((own ? provider.path : rootOf(provider.path) + COMPATIBLE) + name, provider);
}

/** What the base URL's path has before the part that tells the protocol. */
function rootOf(path: string): string {
  if (path.endsWith(NATIVE)) return path.substring(0, path.length - NATIVE.length);
  if (path.endsWith(COMPATIBLE)) return path.substring(0, path.length - COMPATIBLE.length);
  return path;
}

function withQuery(path: string, provider: Provider): string {
  return provider.query.length === 0 ? path : path + "?" + provider.query;
}
