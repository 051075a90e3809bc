import { ClientRequest, Exchange, Provider } from "../exchange.ts";
import { AnthropicExchange } from "./anthropic/exchange.ts";
import { DashScopeCompatibleExchange } from "./dashscope/compatible.ts";
import { DashScopeExchange } from "./dashscope/exchange.ts";
import { isCompatible } from "./dashscope/path.ts";
import { GeminiExchange } from "./gemini/exchange.ts";
import { OpenAiExchange } from "./openai/exchange.ts";
import { ZhipuExchange } from "./zhipu/exchange.ts";

/** A kind of provider, and how an exchange with it is opened. */
class Kind {
  readonly name: string;
  readonly open: (call: ClientRequest, provider: Provider, model: string) => Exchange;

  constructor(name: string, open: (call: ClientRequest, provider: Provider, model: string) => Exchange) {
    this.name = name;
    this.open = open;
  }
}

function openAi(call: ClientRequest, provider: Provider, model: string): Exchange {
  return new OpenAiExchange(call, provider, model);
}

function anthropic(call: ClientRequest, provider: Provider, model: string): Exchange {
  return new AnthropicExchange(call, provider, model);
}

function zhipu(call: ClientRequest, provider: Provider, model: string): Exchange {
  return new ZhipuExchange(call, provider, model);
}

function gemini(call: ClientRequest, provider: Provider, model: string): Exchange {
  return new GeminiExchange(call, provider, model);
}

function dashScope(call: ClientRequest, provider: Provider, model: string): Exchange {
  if (isCompatible(provider)) return new DashScopeCompatibleExchange(call, provider, model);
  return new DashScopeExchange(call, provider, model);
}

const KINDS: Array<Kind> = [
  new Kind("openai", openAi),
  new Kind("azure", openAi),
  new Kind("openai-compatible", openAi),
  new Kind("vllm", openAi),
  new Kind("llamacpp", openAi),
  new Kind("anthropic", anthropic),
  new Kind("dashscope", dashScope),
  new Kind("gemini", gemini),
  new Kind("zhipu", zhipu),
];

/** A new exchange with this provider, or null when its kind is not known. */
export function openExchange(call: ClientRequest, provider: Provider, model: string): Exchange | null {
  for (let i: i32 = 0; i < KINDS.length; i++) {
    if (KINDS[i]!.name === provider.kind) return KINDS[i]!.open(call, provider, model);
  }
  return null;
}
