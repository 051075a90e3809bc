import { ARRAY, FALSE, Json, NUMBER, OBJECT, STRING } from "./json.ts";

/** Whether a request's member asks for nothing: its value is what the field defaults to. */
export function isNeutral(member: Json): boolean {
  if (member.kind === FALSE) return true;
  if (member.kind === NUMBER) return member.int(1) === 0 && !member.isKey("seed");
  if (member.kind === STRING) {
    if (member.isKey("service_tier")) return member.is("auto") || member.is("default");
    return member.isEmpty() || (member.isKey("verbosity") && member.is("medium"));
  }
  return (member.kind === ARRAY || member.kind === OBJECT) && member.isEmpty();
}

/** Whether the value of `modalities` names text alone. */
export function isTextOnly(modalities: Json): boolean {
  if (modalities.kind !== ARRAY) return false;
  let modality = modalities.first();
  while (modality != null) {
    if (!modality.is("text")) return false;
    modality = modality.next;
  }
  return true;
}
