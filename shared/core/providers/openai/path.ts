import { CHAT, COMPLETIONS, EMBEDDINGS, Exchange, IMAGE_EDITS } from "../../exchange.ts";
import { azurePath } from "./azure.ts";
import { Dialect } from "./dialect.ts";

/** The path and query of the provider's endpoint; those of the configured base URL are kept. */
export function requestPath(exchange: Exchange, dialect: Dialect): string {
  const provider = exchange.provider;
  const name = endpointName(exchange.call.endpoint);
  if (dialect.kind === "azure") return azurePath(provider, exchange.model, name);
  const path = provider.path.length === 0 ? dialect.basePath : provider.path;
  return path + name + (provider.query.length === 0 ? "" : "?" + provider.query);
}

function endpointName(endpoint: i32): string {
  if (endpoint === CHAT) return "/chat/completions";
  if (endpoint === COMPLETIONS) return "/completions";
  if (endpoint === EMBEDDINGS) return "/embeddings";
  return endpoint === IMAGE_EDITS ? "/images/edits" : "/images/generations";
}
