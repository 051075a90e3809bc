import { EVERY_CHOICE, NAMES, WORDS } from "./chosen-tools.ts";

/**
 * How the members of the OpenAI family differ, as data. A server that speaks OpenAI's wire format is a row here.
 */
export class Dialect {
  readonly kind: string;
  /** The header that carries the credential: `authorization` (as a bearer token) or another (as it is). */
  readonly credentialHeader: string;
  /** The path that is added when the base URL has none. */
  readonly basePath: string;
  /** Its answers may hold what OpenAI's clients know under another name, or not at all (`answer.ts`). */
  readonly ownFields: boolean;
  /** It serves edits of images, for models that make them. */
  readonly editsImages: boolean;
  /** How it reads `tool_choice` (`chosen-tools.ts`). */
  readonly toolChoice: i32;

  constructor(
    kind: string,
    credentialHeader: string,
    basePath: string,
    ownFields: boolean,
    editsImages: boolean,
    toolChoice: i32,
  ) {
    this.kind = kind;
    this.credentialHeader = credentialHeader;
    this.basePath = basePath;
    this.ownFields = ownFields;
    this.editsImages = editsImages;
    this.toolChoice = toolChoice;
  }
}

const DIALECTS: Array<Dialect> = [
  // https://platform.openai.com/docs/api-reference/authentication
  new Dialect("openai", "authorization", "/v1", false, true, EVERY_CHOICE),
  // https://learn.microsoft.com/azure/ai-foundry/openai/reference: v1 routes take the key in the same header as dated ones
  new Dialect("azure", "api-key", "/openai/v1", false, true, EVERY_CHOICE),
  new Dialect("openai-compatible", "authorization", "/v1", true, true, EVERY_CHOICE),
  // https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html
  new Dialect("vllm", "authorization", "/v1", true, false, EVERY_CHOICE),
  // https://github.com/ggml-org/llama.cpp/tree/master/tools/server
  new Dialect("llamacpp", "authorization", "/v1", false, false, WORDS),
  // https://help.aliyun.com/en/model-studio/qwen-function-calling: the compatible mode, at a path of its own
  new Dialect("dashscope", "authorization", "/compatible-mode/v1", false, false, NAMES),
];

export function hasDialect(kind: string): boolean {
  return placeOf(kind) >= 0;
}

/** The row of this kind; the plain one for a kind that has none. */
export function dialectOf(kind: string): Dialect {
  const place = placeOf(kind);
  return DIALECTS[place < 0 ? 0 : place]!;
}

function placeOf(kind: string): i32 {
  for (let i: i32 = 0; i < DIALECTS.length; i++) {
    if (DIALECTS[i]!.kind === kind) return i;
  }
  return -1;
}
