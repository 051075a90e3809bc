import {
  ByteWriter,
  endpointOf,
  type Operation,
  Problem,
  READY,
  REFUSED,
  unauthorized,
  unavailable,
  WAIT,
} from "@oneapi/core";
import { keyOf, single } from "../relay/credentials.ts";
import type { Host, Waiting } from "../relay/host.ts";
import { TICKET_HEADER } from "../relay/tickets.ts";
import type { Config, ConsumerName } from "./schema.ts";

/** As many as Kong tells of. @see https://developer.konghq.com/gateway/pdk/reference/kong.request/#kongrequestget_headersmax_headers */
const MOST_HEADERS = 1000;

/** The core's word for a key that nobody knows. */
const WRONG_KEY = "invalid_api_key";

/** What the phase uses of Kong's PDK. */
export interface Kong {
  client: {
    /** Whom an authentication plugin has found, or the consumer that it takes for those whom it has not; neither: nothing. */
    getConsumer(): Promise<Partial<Record<ConsumerName, string>> | undefined | null>;
  };
  request: {
    getHeaders(most: number): Promise<Record<string, string[]>>;
    getPath(): Promise<string>;
  };
  response: { exit(status: number, body: string, headers: Record<string, string>): Promise<void> };
  service: { request: { setHeaders(headers: Record<string, string>): Promise<void> } };
}

/**
 * The plugin's only phase: checks the key, which needs no body, and lets the request go to the relay with a ticket. Each
 * call of Kong is a round trip: there are two at most for a request that goes on, and three for one that does not.
 */
export async function access(host: Host, config: Config, kong: Kong): Promise<void> {
  const own = await configuredKey(config, kong);
  const operation = host.gateway.open(host.clock());
  if (own instanceof Problem) {
    if (own.status === 401) host.gateway.tally.unauthorized++;
    host.close(operation, false);
    await refuse(kong, own, operation.id);
    return;
  }
  const key = own ?? keyOf(lowerCase(await kong.request.getHeaders(MOST_HEADERS)));
  if ((await authorize(host, operation, key)) !== REFUSED) {
    const { modelNameHeader: modelHeader, usageHeaders } = config;
    const ticket = host.tickets.issue(host.clock(), { key: own, modelHeader, usageHeaders });
    await kong.service.request.setHeaders({ [TICKET_HEADER]: ticket });
    return;
  }
  // The refusal of a known key is recorded, with what it was used for.
  if (operation.key !== null) operation.endpoint = endpointOf(await pathOf(kong));
  host.close(operation, false);
  const problem = operation.problem ?? unavailable("The request cannot be served.", "gateway_error");
  await refuse(kong, own !== null && problem.code === WRONG_KEY ? wrongConfiguredKey() : problem, operation.id);
}

/** The key that the configuration has for the request; null when it is the client's own that counts. */
async function configuredKey({ key, consumerKeys, consumerBy }: Config, kong: Kong): Promise<string | Problem | null> {
  if (consumerKeys === null) return key === "" ? unresolved() : key;
  const consumer = await kong.client.getConsumer();
  if (consumer == null) {
    return unauthorized("Kong has not authenticated a consumer for this request.", "consumer_not_authenticated");
  }
  for (const by of consumerBy) {
    const name = consumer[by];
    const mapped = name == null ? undefined : consumerKeys.get(name);
    if (mapped !== undefined) return mapped === "" ? unresolved() : mapped;
  }
  return unauthorized(
    "This consumer has no OneAPI key; ask the gateway's administrator for one.",
    "consumer_without_key",
  );
}

/** The client has sent no key, so it must not be told that its own is wrong. */
function wrongConfiguredKey(): Problem {
  return unauthorized("The key that the gateway has for you is not known; ask its administrator.", WRONG_KEY);
}

/** The vault does not have it: nobody is served under another key instead. */
function unresolved(): Problem {
  return unavailable("The gateway has no key for this request; ask its administrator.", "key_not_resolved");
}

/** What the core says of the key. Path, address and body are the relay's to judge: they cost a call each, or are not here. */
async function authorize(host: Host, operation: Operation, key: string): Promise<number> {
  const bytes = Buffer.from(key, "latin1");
  const { gateway } = host;
  let outcome = gateway.authorize(operation, "POST", "/v1/chat/completions", bytes, 0, bytes.length, host.clock());
  while (outcome === WAIT) {
    await new Promise<void>((woken) => host.wait({ wake: () => woken() } satisfies Waiting));
    outcome = gateway.resume(operation, host.clock());
  }
  return outcome === REFUSED ? REFUSED : READY;
}

/** From `/v1` on: a route may have a prefix of its own. */
async function pathOf(kong: Kong): Promise<string> {
  const path = await kong.request.getPath();
  const at = path.indexOf("/v1/");
  return at < 0 ? path : path.slice(at);
}

/** Ends the request with an error in OpenAI's shape. */
export async function refuse(kong: Kong, problem: Problem, operationId: string): Promise<void> {
  const [status, body, headers] = refusal(problem, operationId);
  await kong.response.exit(status, body, headers);
}

/** What `kong.response.exit` takes. */
export function refusal(problem: Problem, operationId: string): [number, string, Record<string, string>] {
  const out = new ByteWriter(256);
  problem.write(out);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (operationId !== "") headers["x-request-id"] = operationId;
  if (problem.retryAfter > 0) headers["retry-after"] = `${problem.retryAfter}`;
  return [problem.status, Buffer.from(out.take()).toString(), headers];
}

/** Kong gives each header as a list, under the name that the client wrote. */
function lowerCase(headers: Record<string, string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name.toLowerCase(), single(values)]));
}
