import { Provider } from "../../exchange.ts";

const V1: string = "/openai/v1";
const DEPLOYMENTS: string = "/deployments/";
/** The first dated version that knows `stream_options`. */
const FIRST_WITH_USAGE: string = "2024-09-01";

/**
 * The path and query of an endpoint of Azure's. There are two sorts of routes: v1 names the model in the body, a dated one
 * names the deployment in the path and its version in the query. A base URL may stop anywhere on the way to either, or go
 * on to an endpoint, as those do that the portal shows.
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
 */
export function azurePath(provider: Provider, model: string, endpoint: string): string {
  const base = provider.path;
  const version = provider.option("api_version", "");
  let query = tidy(provider.query);
  let path = base;
  const v1 = endOfV1(base);
  if (v1 >= 0) path = base.substring(0, v1);
  else if (isDatedRoute(provider)) path = datedPath(base, deploymentOf(provider, model));
  else if (base.length === 0) path = V1;
  else if (base.endsWith("/openai")) path = base + "/v1";
  // v1 takes "preview" for a version; a date, which it refuses, belongs to the other routes.
  if (version.length > 0 && !(v1 >= 0 && version.startsWith("20")) && !hasParameter(query, "api-version")) {
    query = (query.length === 0 ? "" : query + "&") + "api-version=" + version;
  }
  return path + endpoint + (query.length === 0 ? "" : "?" + query);
}

/** The model's name as it goes into the body: v1 routes find the deployment by it. */
export function azureModel(provider: Provider, model: string): string {
  return endOfV1(provider.path) >= 0 || !isDatedRoute(provider) ? deploymentOf(provider, model) : model;
}

/** Whether the routes are of a version that does not know `stream_options` yet. */
export function refusesUsage(provider: Provider): boolean {
  if (endOfV1(provider.path) >= 0) return false;
  const version = provider.option("api_version", "");
  return version.length > 0 && version < FIRST_WITH_USAGE;
}

function isDatedRoute(provider: Provider): boolean {
  if (provider.option("api_version", "").length > 0 || hasParameter(provider.query, "api-version")) return true;
  return (provider.path + "/").includes(DEPLOYMENTS);
}

/** Where the segment `v1` of the path ends, or -1: `/openai/v10` is none. */
function endOfV1(path: string): i32 {
  const at = (path + "/").indexOf(V1 + "/");
  return at < 0 ? -1 : at + V1.length;
}

function datedPath(base: string, name: string): string {
  const slashed = base + "/";
  const at = slashed.indexOf(DEPLOYMENTS);
  if (at >= 0) {
    const from = at + DEPLOYMENTS.length;
    const end = slashed.indexOf("/", from);
    return end > from ? slashed.substring(0, end) : slashed.substring(0, from) + name;
  }
  // Models that are not OpenAI's: the body names the model.
  if (base.endsWith("/models")) return base;
  return base + (base.endsWith("/openai") ? "" : "/openai") + DEPLOYMENTS + name;
}

/** The deployment that serves the model: as configured, else of the same name. */
function deploymentOf(provider: Provider, model: string): string {
  const options = provider.options;
  if (options == null) return model;
  const deployments = options.value("deployments");
  return deployments == null ? model : deployments.string(model, model);
}

/** The query without separators that separate nothing. */
function tidy(query: string): string {
  let start: i32 = 0;
  let end: i32 = query.length;
  while (start < end && isSeparator(query.charCodeAt(start))) start++;
  while (end > start && isSeparator(query.charCodeAt(end - 1))) end--;
  return query.substring(start, end);
}

function isSeparator(c: i32): boolean {
  return c === 0x26 || c === 0x3f;
}

function hasParameter(query: string, name: string): boolean {
  return query.startsWith(name + "=") || query.includes("&" + name + "=");
}
