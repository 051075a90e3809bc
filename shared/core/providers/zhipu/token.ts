import { base64Url } from "../../base64.ts";
import { ByteWriter } from "../../byte-writer.ts";
import { Exchange, ProviderRequest } from "../../exchange.ts";
import { hmacSha256 } from "../../hmac.ts";
import { JsonWriter } from "../../json-writer.ts";
import { encodeUtf8 } from "../../text.ts";

/** How long a token serves, in milliseconds: beyond the last attempt of an operation, as it is made for one. */
const LIFETIME: f64 = 900000;

/** Adds the header with the exchange's credential, as it is or as a token made of it. */
export function writeCredential(exchange: Exchange, credential: string, out: ProviderRequest): void {
  if (credential.length === 0) return;
  const jwt = exchange.provider.option("auth", "bearer") === "jwt";
  out.header("authorization", "Bearer " + (jwt ? tokenOf(credential, exchange.call.created) : credential));
}

/**
 * The JSON Web Token of an API key `id.secret`, made at `created` (Unix seconds). A key without a dot holds no secret to
 * sign with and answers itself: the API takes keys as bearer tokens too, and its refusal tells more than one from here.
 * @see https://docs.bigmodel.cn/cn/api/introduction (times are milliseconds, unlike those of RFC 7519)
 */
export function tokenOf(key: string, created: i32): string {
  const dot = key.indexOf(".");
  if (dot < 0) return key;
  const now: f64 = (created as f64) * 1000;
  const payload = new ByteWriter(128);
  const w = new JsonWriter(payload).object();
  w.key("api_key")
    .string(key.substring(0, dot))
    .key("exp")
    .whole(now + LIFETIME);
  w.key("timestamp").whole(now).end();
  const signed = base64Url(encodeUtf8('{"alg":"HS256","sign_type":"SIGN"}')) + "." + base64Url(payload.take());
  return signed + "." + base64Url(hmacSha256(encodeUtf8(key.substring(dot + 1)), encodeUtf8(signed)));
}
