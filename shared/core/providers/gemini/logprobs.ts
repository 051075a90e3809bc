import { Json, NUMBER, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";

/**
 * Writes OpenAI's `logprobs` value for a candidate's `logprobsResult`, null when there is none. Numbers keep their spelling.
 * @see https://ai.google.dev/api/generate-content#LogprobsResult
 */
export function writeLogprobs(candidate: Json, w: JsonWriter): void {
  const result = candidate.value("logprobsResult");
  const chosen = memberOf(result, "chosenCandidates");
  if (result == null || chosen == null) {
    w.nil();
    return;
  }
  w.object().key("content").array();
  let top = firstOf(result.value("topCandidates"));
  let token = chosen.first();
  while (token != null) {
    w.object();
    writeToken(token, w);
    w.key("top_logprobs").array();
    let other = firstOf(memberOf(top, "candidates"));
    while (other != null) {
      w.object();
      writeToken(other, w);
      w.end();
      other = other.next;
    }
    w.end().end();
    if (top != null) top = top.next;
    token = token.next;
  }
  w.end().key("refusal").nil().end();
}

function writeToken(token: Json, w: JsonWriter): void {
  const text = token.value("token");
  w.key("token");
  if (text != null && text.kind === STRING) w.json(text);
  else w.string("");
  const value = token.value("logProbability");
  w.key("logprob");
  // Proto JSON leaves out what is 0.
  if (value != null && value.kind === NUMBER) w.json(value);
  else w.int(0);
  w.key("bytes").nil();
}
