/** The plugin's `config`, in the words of Kong's schemas. */
export const schema: readonly Record<string, object>[] = [
  {
    key: {
      type: "string",
      required: false,
      len_min: 20,
      len_max: 200,
      referenceable: true,
      encrypted: true,
      description:
        "A OneAPI key that requests are served and billed under, in the place of the client's own. Set it on a plugin that is scoped to a consumer to map that consumer to a key, or on a route whose clients have no keys.",
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
];

/** As Kong hands it to an instance: defaults filled in, nulls left out. */
export interface Config {
  key: string;
  modelNameHeader: boolean;
}

/** Reads what Kong has checked already; what is missing has its default. */
export function readConfig(json: unknown): Config {
  const { key, model_name_header: header } = (json ?? {}) as Record<string, unknown>;
  return { key: typeof key === "string" ? key : "", modelNameHeader: header === true };
}
