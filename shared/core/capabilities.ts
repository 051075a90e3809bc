import { ARRAY, Json, OBJECT, STRING, TRUE } from "./json.ts";

/** `tool_choice` may force a call. */
export const FORCED_TOOLS: i32 = 1;
/** The conversation may end with the assistant's turn, which the model then continues. */
export const PREFILL: i32 = 2;
/** `presence_penalty` and `frequency_penalty`. */
export const PENALTIES: i32 = 4;
/** System messages are accepted after a user's turn. */
export const SYSTEM_TURNS: i32 = 8;
/** Answers and calls of tools can be held to a JSON Schema. */
export const STRUCTURED_OUTPUT: i32 = 16;
/** A JSON answer may be asked for beside tools. */
export const JSON_WITH_TOOLS: i32 = 32;
/** Function calls and their results have ids; other models answer 400 to one. */
export const CALL_IDS: i32 = 64;
/** The first call of each step must bring back its signature. */
export const THOUGHT_SIGNATURES: i32 = 128;
/** Served by the vendor's multimodal service, even for text. */
export const MULTIMODAL: i32 = 256;
/** A size of images may be asked for beside their proportions. */
export const IMAGE_SIZES: i32 = 512;
/** Answers in streams only. */
export const STREAM_ONLY: i32 = 1024;

/** The names of the constants above, in their order. */
const FLAGS: Array<string> = [
  "forced_tools",
  "prefill",
  "penalties",
  "system_turns",
  "structured_output",
  "json_with_tools",
  "call_ids",
  "thought_signatures",
  "multimodal",
  "image_sizes",
  "stream_only",
];
/** What a model has of them about which nothing is said: the newest ones of all vendors do. */
const NEWEST: i32 = SYSTEM_TURNS | STRUCTURED_OUTPUT | JSON_WITH_TOOLS | CALL_IDS | THOUGHT_SIGNATURES | IMAGE_SIZES;

/** The words of `reasoning_effort`, from none to most. */
const EFFORTS: Array<string> = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/**
 * What the model of a target accepts, as the control service tells it: a row of its catalog, with an administrator's own
 * words laid over it. What is not told is as the newest models of the provider's kind have it.
 */
export class Capabilities {
  /** Fields that the provider answers 400 to: always, and unless the model is told not to reason. */
  readonly refuses: Array<string> = new Array<string>();
  readonly refusesWhileReasoning: Array<string> = new Array<string>();
  /** Fields as clients call them and as the provider does, in turn. */
  readonly renames: Array<string> = new Array<string>();
  /** The words of `reasoning_effort` that the model takes; empty: all of them. */
  readonly efforts: Array<string> = new Array<string>();
  /** How hard the model reasons untold; empty: it reasons. */
  defaultEffort: string = "";
  /** The only effort at which the model takes tools; empty: any. */
  effortWithTools: string = "";
  /** `none`, `switch`, `effort`, `budget`, `adaptive`, `level`; empty: not told. */
  thinking: string = "";
  /** `default`: it does not think unasked; `never`: nothing turns it off; else the word that does. Empty: not told. */
  thinkingOff: string = "";
  /** Tokens of thinking; 0: no bound is known. */
  maxThinkingBudget: i32 = 0;
  /** `both`: temperature and top_p may come together; `one` of them; or none. Empty: not told. */
  sampling: string = "";
  /** The most output tokens that may be asked for; 0: no bound is known. */
  maxOutput: i32 = 0;
  private toldOutput: i32 = 0;
  /** Some requests of OpenAI's are not for this model as they are. */
  isGated: boolean = false;
  /** A sum of the constants above. */
  private flags: i32 = NEWEST;

  /** Reads a target's `capabilities`; what is not understood is not told. */
  static read(json: Json): Capabilities {
    const read = new Capabilities();
    let member = json.kind === OBJECT ? json.first() : null;
    while (member != null) {
      read.take(member);
      member = member.next;
    }
    read.isGated =
      read.refuses.length > 0 ||
      read.refusesWhileReasoning.length > 0 ||
      read.renames.length > 0 ||
      read.efforts.length > 0 ||
      read.effortWithTools.length > 0;
    return read;
  }

  private take(member: Json): void {
    if (member.isKey("refuses")) readWords(member, this.refuses);
    else if (member.isKey("refuses_while_reasoning")) readWords(member, this.refusesWhileReasoning);
    else if (member.isKey("renames")) readPairs(member, this.renames);
    else if (member.isKey("efforts")) readWords(member, this.efforts);
    else if (member.isKey("default_effort")) this.defaultEffort = member.text();
    else if (member.isKey("effort_with_tools")) this.effortWithTools = member.text();
    else if (member.isKey("thinking")) this.thinking = member.text();
    else if (member.isKey("thinking_off")) this.thinkingOff = member.text();
    else if (member.isKey("max_thinking_budget")) this.maxThinkingBudget = member.int(0);
    else if (member.isKey("sampling")) this.sampling = member.text();
    else if (member.isKey("max_output")) this.maxOutput = member.int(0);
    else if (member.isKey("default_output")) this.toldOutput = member.int(0);
    else this.takeFlag(member);
  }

  private takeFlag(member: Json): void {
    for (let i: i32 = 0; i < FLAGS.length; i++) {
      if (!member.isKey(FLAGS[i]!)) continue;
      const flag = 1 << i;
      if (member.kind === TRUE) this.flags |= flag;
      else this.flags &= ~flag;
    }
  }

  has(what: i32): boolean {
    return (this.flags & what) === what;
  }

  /**
   * Output tokens for a client that names no maximum. Where a provider charges them against its rate limit beforehand, the
   * model's own maximum would starve other calls.
   */
  defaultOutput(): i32 {
    if (this.toldOutput > 0) return this.toldOutput;
    if (this.maxOutput === 0) return 8192;
    return this.maxOutput < 32000 ? this.maxOutput : 32000;
  }

  takesEffort(effort: string): boolean {
    return this.efforts.length === 0 || this.efforts.includes(effort);
  }

  /** The effort nearest to `effort` that the model takes, rather less than more; but what thinks is not told to stop. */
  nearestEffort(effort: string): string {
    const place = EFFORTS.indexOf(effort);
    if (place < 0 || this.takesEffort(effort)) return effort;
    for (let i: i32 = place - 1; i > 0; i--) {
      if (this.takesEffort(EFFORTS[i]!)) return EFFORTS[i]!;
    }
    for (let i: i32 = place + 1; i < EFFORTS.length; i++) {
      if (this.takesEffort(EFFORTS[i]!)) return EFFORTS[i]!;
    }
    return effort;
  }
}

/** Of a model about which nothing is told. */
export const UNTOLD: Capabilities = new Capabilities();

/** Whether it is a word of `reasoning_effort`. */
export function isEffort(word: string): boolean {
  return EFFORTS.includes(word);
}

function readWords(list: Json, words: Array<string>): void {
  let word = list.kind === ARRAY ? list.first() : null;
  while (word != null) {
    if (word.kind === STRING) words.push(word.text());
    word = word.next;
  }
}

function readPairs(map: Json, pairs: Array<string>): void {
  let member = map.kind === OBJECT ? map.first() : null;
  while (member != null) {
    if (member.kind === STRING) {
      pairs.push(member.key());
      pairs.push(member.text());
    }
    member = member.next;
  }
}
