import { Capabilities, isEffort } from "../../capabilities.ts";
import { FALSE, Json, NULL, STRING } from "../../json.ts";
import { isNeutral } from "../../neutral-field.ts";
import { invalidRequest, Problem } from "../../problem.ts";

/** What becomes of a member of the request. */
export const KEEP: i32 = 0;
export const DROP: i32 = 1;
/** It goes on under the name that `nameOf` tells. */
export const RENAME: i32 = 2;
/** It takes the value of `effort`. */
export const SET_EFFORT: i32 = 3;

/**
 * What a model of the OpenAI family does not take as the client says it: fields it refuses, always or while it reasons,
 * fields it has another name for, and efforts it does not know.
 * @see https://platform.openai.com/docs/guides/reasoning, https://platform.openai.com/docs/guides/latest-model
 */
export class Gates {
  /** A field that the client must not be served without. */
  problem: Problem | null = null;
  /** What `reasoning_effort` must say; empty: what the client says. */
  effort: string = "";
  /** The client says nothing of `reasoning_effort`. */
  private readonly silent: boolean;
  private readonly request: Json;
  private readonly capabilities: Capabilities;
  private readonly strict: boolean;
  private readonly reasons: boolean;
  private changes: boolean = false;

  private constructor(request: Json, capabilities: Capabilities, strict: boolean) {
    this.request = request;
    this.capabilities = capabilities;
    this.strict = strict;
    const asked = request.value("reasoning_effort");
    this.silent = asked == null;
    const effort = asked != null && asked.kind === STRING ? asked.text() : "";
    const told = capabilities.refuses.includes("reasoning_effort") ? effort : this.readEffort(effort);
    if (told !== effort) {
      this.effort = told;
      this.changes = true;
    }
    this.reasons = (told.length > 0 ? told : capabilities.defaultEffort) !== "none";
  }

  /** The gates that a request meets; null when it passes as it is. */
  static of(request: Json, capabilities: Capabilities, strict: boolean): Gates | null {
    if (!capabilities.isGated) return null;
    const gates = new Gates(request, capabilities, strict);
    let member = request.first();
    while (member != null && gates.problem == null) {
      gates.meet(member);
      member = member.next;
    }
    return gates.changes || gates.problem != null ? gates : null;
  }

  /** The effort that goes to the provider; empty for none. */
  private readEffort(asked: string): string {
    const capabilities = this.capabilities;
    let effort = isEffort(asked) ? capabilities.nearestEffort(asked) : asked;
    const withTools = capabilities.effortWithTools;
    if (withTools.length > 0 && capabilities.takesEffort(withTools)) {
      const tools = this.request.value("tools");
      if (tools != null && !tools.isEmpty()) effort = withTools;
    }
    if (effort !== asked && asked.length > 0 && this.strict) {
      const message = "Unsupported value: 'reasoning_effort' does not support '" + asked + "' with this model.";
      this.problem = invalidRequest(message, "reasoning_effort", "unsupported_value");
    }
    return effort;
  }

  private meet(member: Json): void {
    if (this.fateOf(member) === KEEP) return;
    this.changes = true;
    if (!this.isRefused(member) || isDefault(member)) return;
    // Without it the client would get fewer answers than it asked for.
    if (!this.strict && !member.isKey("n")) return;
    const name = member.key();
    const message = "Unsupported parameter: '" + name + "' is not supported with this model.";
    this.problem = invalidRequest(message, name, "unsupported_parameter");
  }

  fateOf(member: Json): i32 {
    if (this.isRefused(member)) return DROP;
    const name = this.nameOf(member);
    if (name.length > 0) {
      // Under both names, the provider's own counts.
      return member.kind === NULL || this.request.value(name) != null ? DROP : RENAME;
    }
    return this.effort.length > 0 && member.isKey("reasoning_effort") ? SET_EFFORT : KEEP;
  }

  private isRefused(member: Json): boolean {
    const capabilities = this.capabilities;
    if (isAmong(member, capabilities.refuses)) return true;
    return this.reasons && isAmong(member, capabilities.refusesWhileReasoning);
  }

  /** What the provider calls the member; empty: the same. */
  nameOf(member: Json): string {
    const renames = this.capabilities.renames;
    for (let i: i32 = 0; i + 1 < renames.length; i += 2) {
      if (member.isKey(renames[i]!)) return renames[i + 1]!;
    }
    return "";
  }

  /** Whether `reasoning_effort` has to be added. */
  addsEffort(): boolean {
    return this.effort.length > 0 && this.silent;
  }
}

function isAmong(member: Json, names: Array<string>): boolean {
  for (let i: i32 = 0; i < names.length; i++) {
    if (member.isKey(names[i]!)) return true;
  }
  return false;
}

/** Whether the request means the same without the member, at any model. */
function isDefault(member: Json): boolean {
  if (member.kind === NULL) return true;
  if (member.isKey("temperature") || member.isKey("top_p") || member.isKey("n")) return member.int(0) === 1;
  if (member.isKey("parallel_tool_calls")) return member.kind !== FALSE;
  if (member.isKey("reasoning_effort")) return member.is("none");
  return isNeutral(member);
}
