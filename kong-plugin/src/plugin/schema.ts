/** A OneAPI key, as the configuration may hold it. An empty text is what a vault reference becomes that cannot be resolved. */
const oneApiKey = { type: "string", len_min: 20, len_max: 200, referenceable: true, encrypted: true };

/** What a consumer of Kong may be known by. */
const CONSUMER_NAMES = ["username", "custom_id", "id"] as const;
export type ConsumerName = (typeof CONSUMER_NAMES)[number];

/** The plugin's `config`, in the words of Kong's schemas: a description has 500 characters at most. */
export const schema: readonly Record<string, object>[] = [
  {
    key: {
      ...oneApiKey,
      required: false,
      description:
        "A OneAPI key that requests are served and billed under, in the place of the client's own. Set it on a plugin that is scoped to a consumer, or on a route whose clients have no keys.",
    },
  },
  {
    consumer_keys: {
      type: "map",
      required: false,
      keys: { type: "string" },
      values: oneApiKey,
      description:
        "The OneAPI key of each consumer that Kong's authentication plugins (key-auth, jwt, openid-connect and so on) may find, by the consumer's name as `consumer_by` says. Requests of any other consumer, and those that are not authenticated, are refused with 401.",
    },
  },
  {
    consumer_by: {
      type: "array",
      required: true,
      default: ["username"],
      len_min: 1,
      elements: { type: "string", one_of: CONSUMER_NAMES },
      description:
        "What of a consumer is looked for in `consumer_keys`, in this order. With more than one, no consumer's `username` should be another's `custom_id`.",
    },
  },
  {
    model_name_header: {
      type: "boolean",
      required: true,
      default: false,
      description:
        "Whether answers carry `X-Kong-LLM-Model: <provider>/<model>`, so that Kong's log plugins show who served. Clients see it too.",
    },
  },
  {
    usage_headers: {
      type: "boolean",
      required: true,
      default: false,
      description:
        "Whether answers that are no streams carry `X-Kong-LLM-Prompt-Tokens`, `X-Kong-LLM-Completion-Tokens` and `X-Kong-LLM-Total-Tokens`, so that Kong's log plugins show what the provider counted. Clients see them too.",
    },
  },
];

/** What of `config` goes together. */
export const entityChecks = [{ mutually_exclusive: ["key", "consumer_keys"] }];

/** As Kong hands it to an instance: defaults filled in, nulls left out. */
export interface Config {
  /** The key that every request is served under; null: the client's own. */
  key: string | null;
  /** The keys of consumers: nobody else is served. Null: consumers do not matter. */
  consumerKeys: ReadonlyMap<string, string> | null;
  consumerBy: readonly ConsumerName[];
  modelNameHeader: boolean;
  usageHeaders: boolean;
}

/**
 * Reads what Kong has checked already; what is missing has its default. A key that is there but is no text is read as an
 * empty one: it must not be as if it had never been set.
 */
export function readConfig(json: unknown): Config {
  const given = (json ?? {}) as Record<string, unknown>;
  const { key, consumer_keys: keys, consumer_by: by } = given;
  return {
    key: key == null ? null : asText(key),
    consumerKeys: keys == null ? null : new Map(Object.entries(keys).map(([name, value]) => [name, asText(value)])),
    consumerBy: Array.isArray(by) ? (by as ConsumerName[]) : ["username"],
    modelNameHeader: given.model_name_header === true,
    usageHeaders: given.usage_headers === true,
  };
}

/** Whether a key is empty, as one is that Kong's vault does not have. */
export function lacksKey({ key, consumerKeys }: Config): boolean {
  return key === "" || (consumerKeys !== null && [...consumerKeys.values()].includes(""));
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
