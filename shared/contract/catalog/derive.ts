/** What the public data says of a model, in the catalog's terms. */
import { type Capabilities, efforts } from "../capabilities.ts";
import { formatUsd, parseUsd } from "../money.ts";
import type { Price } from "../price.ts";
import type { ProviderKind } from "../provider-kind.ts";
import type { PublicModel } from "./public-data.ts";

type Effort = (typeof efforts)[number];

/** What is not told is left out. */
export function deriveCapabilities(kind: ProviderKind, model: PublicModel): Capabilities {
  const most = model.max_output_tokens;
  return defined({
    max_output: typeof most === "number" && most > 0 && model.mode !== "embedding" ? most : undefined,
    ...(kind === "openai" || kind === "azure" ? ofOpenAi(model) : {}),
    ...(kind === "anthropic" ? ofAnthropic(model) : {}),
    ...(kind === "gemini"
      ? { efforts: model.supports_minimal_reasoning_effort === false ? notMinimal : undefined }
      : {}),
    // Each model is served by one of two services, and only the multimodal one takes pictures.
    ...(kind === "dashscope" ? { multimodal: model.supports_vision === true || undefined } : {}),
  });
}

const notMinimal: Effort[] = ["low", "medium", "high"];

function ofOpenAi(model: PublicModel): Loose {
  const serial = model.supports_function_calling === true && model.supports_parallel_function_calling === false;
  const told = model.default_reasoning_effort;
  return {
    refuses: serial ? ["parallel_tool_calls"] : undefined,
    efforts: model.supports_reasoning === true ? effortsOf(model) : undefined,
    default_effort: efforts.find((effort) => effort === told),
  };
}

/** `max` is accepted by the Responses API only, whatever the flag says. */
function effortsOf(model: PublicModel): Effort[] {
  const listed = model.reasoning_effort_levels;
  if (Array.isArray(listed)) return efforts.filter((effort) => listed.includes(effort));
  const flagged = { none: false, minimal: false, low: true, medium: true, high: true, xhigh: false };
  return efforts.filter((effort) => {
    const flag = model[`supports_${effort}_reasoning_effort`];
    if (effort === "max") return false;
    return typeof flag === "boolean" ? flag : flagged[effort];
  });
}

function ofAnthropic(model: PublicModel): Loose {
  const adaptive = model.supports_adaptive_thinking === true;
  return {
    efforts: adaptive
      ? efforts.filter((effort) => notMinimal.includes(effort) || model[`supports_${effort}_reasoning_effort`] === true)
      : undefined,
    thinking: adaptive ? "adaptive" : undefined,
    thinking_off: model.thinking_always_on === true ? "never" : undefined,
    sampling: model.supports_sampling_params === false ? "none" : undefined,
    forced_tools: model.supports_forced_tool_use,
    prefill: model.supports_assistant_prefill,
    system_turns: model.supports_mid_conversation_system,
    structured_output: model.supports_native_structured_output,
  };
}

type Loose = Record<string, unknown>;

function defined<Fields extends Loose>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
}

/** The list price; undefined when none is told, and when it is nothing at all, which is more often unknown than free. */
export function derivePrice(model: PublicModel): Price | undefined {
  const tiers = Array.isArray(model.tiered_pricing) ? model.tiered_pricing : [model];
  const [base, ...longer] = tiers.map((tier: Loose) => rates(tier, ""));
  if (base === undefined) return undefined;
  const byImage = typeof model.output_cost_per_image === "number" && model.output_cost_per_image_token === undefined;
  const image = byImage ? usd(Number(model.output_cost_per_image), 0) : undefined;
  if (Object.values({ ...base, image }).every((rate) => rate === undefined || rate === "0")) return undefined;
  const above =
    longer.length > 0
      ? longer.map((tier, index) => ({ above: Number(tiers[index + 1].range[0]), ...tier }))
      : thresholds(model).map((thousands) => ({
          above: thousands * 1000,
          ...rates(model, `_above_${thousands}k_tokens`),
        }));
  return defined({ ...base, image, tiers: above.length > 0 ? above : undefined }) as Price;
}

const THRESHOLD = /^input_cost_per_token_above_(\d+)k_tokens$/;

function thresholds(model: PublicModel): number[] {
  return Object.keys(model)
    .flatMap((name) => (typeof model[name] === "number" ? (THRESHOLD.exec(name)?.[1] ?? []) : []))
    .map(Number)
    .sort((left, right) => left - right);
}

function rates(model: PublicModel, suffix: string) {
  const rate = (name: string) => {
    const value = model[`${name}${suffix}`];
    return typeof value === "number" ? usd(value, 6) : undefined;
  };
  const text = rate("output_cost_per_token");
  const pictures = rate("output_cost_per_image_token");
  // A vendor that bills images by their tokens counts these as output; what such a model thinks is text.
  const output = pictures ?? text ?? "0";
  const reasoning = rate("output_cost_per_reasoning_token") ?? (pictures === undefined ? undefined : text);
  const input = rate("input_cost_per_token") ?? "0";
  const cached = rate("cache_read_input_token_cost");
  const written = rate("cache_creation_input_token_cost");
  return defined({
    input,
    cached_input: cached === input ? undefined : cached,
    // What costs nothing to write is billed as read prompt all the same.
    cache_write: written === input || written === "0" ? undefined : written,
    output,
    reasoning: reasoning === output ? undefined : reasoning,
  });
}

/** A number of USD as decimal text, times a power of ten, exactly: the shortest spelling of a double is what was written. */
function usd(amount: number, shift: number): string {
  const [digits, exponent = "0"] = String(amount).split("e");
  const nano = parseUsd(`${digits}e${Number(exponent) + shift}`);
  if (nano === null) throw new RangeError(`not an exact amount of USD: ${amount}`);
  return formatUsd(nano);
}
