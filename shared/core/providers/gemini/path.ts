import { Provider } from "../../exchange.ts";

/**
 * The path and query of a model's method. A base URL that names no version means `v1beta`: `v1` knows fewer fields. One
 * with more behind the version (Vertex AI's project, location and publisher) is kept.
 */
export function methodPath(provider: Provider, model: string, method: string, parameter: string): string {
  const base = provider.path;
  const versioned = base.includes("/v1");
  const query = joined(parameter, provider.query);
  const path = base + (versioned ? "/" : "/v1beta/") + resourceName(model) + ":" + method;
  return query.length > 0 ? path + "?" + query : path;
}

/** The model as the API names it in paths and bodies: `models/…`, or what already has such a name (`tunedModels/…`). */
export function resourceName(model: string): string {
  return model.includes("/") ? model : "models/" + model;
}

function joined(first: string, second: string): string {
  if (first.length === 0 || second.length === 0) return first + second;
  return first + "&" + second;
}
