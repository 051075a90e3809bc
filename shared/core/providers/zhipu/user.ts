import { Json, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** The bounds of `user_id`, in characters. */
const SHORTEST: i32 = 6;
const LONGEST: i32 = 128;
/** No spelling of the longest is longer, in bytes of JSON. */
const LONGEST_SPELLING: i32 = 6 * LONGEST;

/** Writes OpenAI's `user` as `user_id`, if it may be one. */
export function writeUser(user: Json, t: Translation): void {
  if (user.kind !== STRING || user.end - user.start > LONGEST_SPELLING) return;
  const length = user.text().length;
  if (length >= SHORTEST && length <= LONGEST) t.w.key("user_id").json(user);
}
