import { CHAT, COMPLETIONS, EMBEDDINGS, Exchange } from "../../exchange.ts";
import { Dialect } from "./dialect.ts";

/** The path and query of the provider's endpoint; those of the configured base URL are kept. */
export function requestPath(exchange: Exchange, dialect: Dialect): string {
  const provider = exchange.provider;
  const version = dialect.kind === "azure" ? provider.option("api_version", "") : "";
  let path = provider.path.length === 0 ? dialect.basePath : provider.path;
  let query = provider.query;
  if (version.length > 0) {
    path = datedPath(provider.path, deployment(exchange));
    if (!hasParameter(query, "api-version")) {
      query = (query.length === 0 ? "" : query + "&") + "api-version=" + version;
    }
  }
  return path + suffix(exchange.call.endpoint) + (query.length === 0 ? "" : "?" + query);
}

/**
 * Azure's dated routes name the deployment: `/openai/deployments/{name}`. A base URL may stop anywhere on the way there.
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/reference
 */
function datedPath(base: string, name: string): string {
  const slashed = base + "/";
  const at = slashed.indexOf("/deployments/");
  if (at >= 0) return slashed.length > at + 13 ? base : base + "/" + name;
  if (base.endsWith("/openai")) return base + "/deployments/" + name;
  return base + "/openai/deployments/" + name;
}

/** The deployment that serves the model: as configured, else of the same name. */
function deployment(exchange: Exchange): string {
  const options = exchange.provider.options;
  if (options == null) return exchange.model;
  const deployments = options.value("deployments");
  return deployments == null ? exchange.model : deployments.string(exchange.model, exchange.model);
}

function hasParameter(query: string, name: string): boolean {
  return query.startsWith(name + "=") || query.includes("&" + name + "=");
}

function suffix(endpoint: i32): string {
  if (endpoint === CHAT) return "/chat/completions";
  if (endpoint === COMPLETIONS) return "/completions";
  if (endpoint === EMBEDDINGS) return "/embeddings";
  return "/images/generations";
}
