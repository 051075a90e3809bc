import { Json, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** The bounds of `user_id`, in bytes of JSON. */
const SHORTEST: i32 = 6;
const LONGEST: i32 = 128;

/** Writes OpenAI's `user` as `user_id`, if it may be one. */
export function writeUser(user: Json, t: Translation): void {
  const size = user.end - user.start;
  if (user.kind === STRING && size >= SHORTEST && size <= LONGEST) t.w.key("user_id").json(user);
}
