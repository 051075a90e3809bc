import { CHAT, COMPLETIONS, EMBEDDINGS, IMAGE_EDITS, IMAGES } from "../exchange.ts";
import { hexValue } from "../json-scan.ts";

/** `GET /v1/models` and `GET /v1/models/{id}`, answered by the gateway itself. */
export const MODELS: i32 = 10;
export const MODEL: i32 = 11;
export const NO_ENDPOINT: i32 = -1;

const MODEL_PREFIX: string = "/v1/models/";

/** The endpoint of a path without its query. */
export function endpointOf(path: string): i32 {
  if (path === "/v1/chat/completions") return CHAT;
  if (path === "/v1/completions") return COMPLETIONS;
  if (path === "/v1/embeddings") return EMBEDDINGS;
  if (path === "/v1/images/generations") return IMAGES;
  if (path === "/v1/images/edits") return IMAGE_EDITS;
  if (path === "/v1/models") return MODELS;
  if (path.startsWith(MODEL_PREFIX) && path.length > MODEL_PREFIX.length) return MODEL;
  return NO_ENDPOINT;
}

/** The path of an endpoint that takes a body, as records name it. */
export function endpointPath(endpoint: i32): string {
  if (endpoint === CHAT) return "/v1/chat/completions";
  if (endpoint === COMPLETIONS) return "/v1/completions";
  if (endpoint === EMBEDDINGS) return "/v1/embeddings";
  if (endpoint === IMAGES) return "/v1/images/generations";
  if (endpoint === IMAGE_EDITS) return "/v1/images/edits";
  return "/v1/models";
}

/** The model that a path `/v1/models/{id}` asks for, percent-decoded (RFC 3986, 2.1); what is no encoding stays. */
export function modelOf(path: string): string {
  const raw = path.substring(MODEL_PREFIX.length);
  let at = raw.indexOf("%");
  if (at < 0) return raw;
  const pieces = new Array<string>();
  let from: i32 = 0;
  while (at >= 0) {
    pieces.push(raw.substring(from, at));
    const code = at + 2 < raw.length ? hexPair(raw.charCodeAt(at + 1), raw.charCodeAt(at + 2)) : -1;
    pieces.push(code < 0 ? "%" : String.fromCharCode(code));
    from = code < 0 ? at + 1 : at + 3;
    at = raw.indexOf("%", from);
  }
  pieces.push(raw.substring(from));
  return pieces.join("");
}

/** The ASCII character of two hexadecimal digits, or -1. */
function hexPair(high: i32, low: i32): i32 {
  const value = hexValue(high) * 16 + hexValue(low);
  return hexValue(high) < 0 || hexValue(low) < 0 || value > 126 ? -1 : value;
}
