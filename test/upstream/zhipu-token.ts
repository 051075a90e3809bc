/**
 * Zhipu's two ways to show a key: as it is, or as a token signed with its secret half.
 * @see https://docs.bigmodel.cn/cn/guide/develop/http/introduction
 */
import { createHmac } from "node:crypto";
import { isObject, type JsonObject, Refused } from "./answer.ts";

/** `keys` have the form `id.secret`; absent, any is taken. `now` in milliseconds, as the token's times must be. */
export function checkToken(authorization: string | undefined, keys: string[] | undefined, now: number): void {
  if (keys === undefined) return;
  const token = authorization?.replace(/^Bearer /, "") ?? "";
  if (token === "") throw unauthorized("1001", "Header中未收到Authorization参数，无法进行身份验证。");
  if (keys.includes(token)) return;
  const parts = token.split(".");
  if (parts.length !== 3) throw unauthorized("1002", "Authorization Token非法，请确认Authorization Token正确传递。");
  checkSigned(parts as [string, string, string], keys, now);
}

function unauthorized(code: string, message: string): Refused {
  return new Refused(401, "", message, null, code);
}

function checkSigned([head, payload, signature]: [string, string, string], keys: string[], now: number): void {
  const { alg, sign_type } = decoded(head);
  const { api_key, exp, timestamp } = decoded(payload);
  if (alg !== "HS256" || sign_type !== "SIGN") throw unauthorized("1002", "Authorization Token非法，签名类型有误。");
  const key = keys.find((known) => known.split(".")[0] === api_key);
  const secret = key?.slice(key.indexOf(".") + 1) ?? "";
  const expected = createHmac("sha256", secret).update(`${head}.${payload}`).digest("base64url");
  if (key === undefined || signature !== expected)
    throw unauthorized("1004", "通过提供的Authorization Token的验证失败。");
  // Seconds taken for milliseconds lie in 1970.
  if (!Number.isInteger(exp) || Number(exp) <= now)
    throw unauthorized("1003", "Authorization Token已过期，请重新生成。");
  if (!Number.isInteger(timestamp)) throw unauthorized("1002", "Authorization Token非法，缺少timestamp。");
}

function decoded(part: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
