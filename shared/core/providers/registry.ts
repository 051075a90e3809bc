import { CompletionsExchange } from "../completions/exchange.ts";
import { asChat } from "../completions/request.ts";
import { ClientRequest, COMPLETIONS, EMBEDDINGS, Exchange, IMAGE_EDITS, IMAGES, Provider } from "../exchange.ts";
import { withoutSignatures } from "../signed-ids.ts";
import { AnthropicExchange } from "./anthropic/exchange.ts";
import { DashScopeCompatibleExchange } from "./dashscope/compatible.ts";
import { DashScopeCompatibleEmbeddings, DashScopeEmbeddings, passesEmbeddings } from "./dashscope/embeddings.ts";
import { DashScopeExchange } from "./dashscope/exchange.ts";
import { DashScopeImages } from "./dashscope/images.ts";
import { isCompatible, servesCompletions } from "./dashscope/path.ts";
import { GeminiEmbeddings } from "./gemini/embeddings.ts";
import { GeminiExchange } from "./gemini/exchange.ts";
import { hasDialect } from "./openai/dialect.ts";
import { OpenAiExchange } from "./openai/exchange.ts";
import { ZhipuEmbeddings } from "./zhipu/embeddings.ts";
import { ZhipuExchange } from "./zhipu/exchange.ts";

/** A kind of provider, and how an exchange with it is opened. */
class Kind {
  readonly name: string;
  readonly open: (call: ClientRequest, provider: Provider, model: string) => Exchange;
  /** Whether completions of a prompt are served; if not, chats are, and stand in for them. */
  readonly completes: (provider: Provider, model: string) => boolean;

  constructor(
    name: string,
    open: (call: ClientRequest, provider: Provider, model: string) => Exchange,
    completes: (provider: Provider, model: string) => boolean,
  ) {
    this.name = name;
    this.open = open;
    this.completes = completes;
  }
}

function openAi(call: ClientRequest, provider: Provider, model: string): Exchange {
  return new OpenAiExchange(call, provider, model);
}

function anthropic(call: ClientRequest, provider: Provider, model: string): Exchange {
  return new AnthropicExchange(call, provider, model);
}

function zhipu(call: ClientRequest, provider: Provider, model: string): Exchange {
  if (call.endpoint === EMBEDDINGS) return new ZhipuEmbeddings(call, provider, model);
  return new ZhipuExchange(call, provider, model);
}

function gemini(call: ClientRequest, provider: Provider, model: string): Exchange {
  if (call.endpoint === EMBEDDINGS) return new GeminiEmbeddings(call, provider, model);
  return new GeminiExchange(call, provider, model);
}

function dashScope(call: ClientRequest, provider: Provider, model: string): Exchange {
  if (call.endpoint === IMAGES || call.endpoint === IMAGE_EDITS) return new DashScopeImages(call, provider, model);
  if (isCompatible(provider)) {
    if (call.endpoint === EMBEDDINGS && !passesEmbeddings(call, model)) {
      return new DashScopeCompatibleEmbeddings(call, provider, model);
    }
    return new DashScopeCompatibleExchange(call, provider, model);
  }
  if (call.endpoint === EMBEDDINGS) return new DashScopeEmbeddings(call, provider, model);
  return new DashScopeExchange(call, provider, model);
}

function always(_provider: Provider, _model: string): boolean {
  return true;
}

function never(_provider: Provider, _model: string): boolean {
  return false;
}

/** The kinds that have a folder here. Those that speak OpenAI's wire format are rows of `openai/dialect.ts`. */
const KINDS: Array<Kind> = [
  new Kind("anthropic", anthropic, never),
  new Kind("dashscope", dashScope, servesCompletions),
  new Kind("gemini", gemini, never),
  new Kind("zhipu", zhipu, never),
];

const OPENAI: Kind = new Kind("openai", openAi, always);

function kindOf(name: string): Kind | null {
  for (let i: i32 = 0; i < KINDS.length; i++) {
    if (KINDS[i]!.name === name) return KINDS[i]!;
  }
  return hasDialect(name) ? OPENAI : null;
}

/** A new exchange with this provider, or null when its kind is not known. */
export function openExchange(call: ClientRequest, provider: Provider, model: string): Exchange | null {
  const kind = kindOf(provider.kind);
  if (kind == null) return null;
  const seen = kind.name === "gemini" ? call : withoutSignatures(call);
  if (call.endpoint !== COMPLETIONS || kind.completes(provider, model)) return kind.open(seen, provider, model);
  return new CompletionsExchange(call, kind.open(asChat(call), provider, model));
}
