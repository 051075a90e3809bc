import { ARRAY, Json, NUMBER, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";

/**
 * What FastAPI's servers say of a request that they cannot read: `{"detail":"…"}`, or a list of findings such as
 * `{"loc":["body","messages",0,"role"],"msg":"Field required"}`, of which the first is told.
 * @see https://fastapi.tiangolo.com/tutorial/handling-errors/
 */
export function detailMessage(error: Json): string {
  const detail = error.value("detail");
  if (detail == null) return "";
  if (detail.kind === STRING) return detail.text();
  const finding = firstFinding(detail);
  return finding == null ? "" : finding.string("msg", "");
}

/** The field that the first finding names, as OpenAI would: `messages[0].role`; empty when there is none. */
export function detailParam(error: Json): string {
  const detail = error.value("detail");
  if (detail == null) return "";
  const place = memberOf(firstFinding(detail), "loc");
  if (place == null || place.kind !== ARRAY) return "";
  const pieces = new Array<string>();
  let step = place.first();
  if (step != null && step.is("body")) step = step.next;
  while (step != null) {
    if (step.kind === NUMBER) pieces.push("[" + step.text() + "]");
    else if (step.kind === STRING) pieces.push((pieces.length === 0 ? "" : ".") + step.text());
    step = step.next;
  }
  return pieces.join("");
}

function firstFinding(detail: Json): Json | null {
  if (detail.kind !== ARRAY) return null;
  const finding = detail.first();
  return finding == null || finding.kind !== OBJECT ? null : finding;
}
