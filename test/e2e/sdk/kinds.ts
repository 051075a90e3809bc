/** Every kind of provider, each with a fake of its dialect behind one gateway. */
import type { DialectName } from "../../upstream/dialects.ts";
import { startUpstream, type Upstream, type UpstreamOptions } from "../../upstream/server.ts";
import { type Gateway, startGateway } from "../gateway.ts";

/** What a model is for. */
export const ROLES = ["chat", "vision", "thinking", "embedding", "image", "slow-image", "image-edit"] as const;
export type Role = (typeof ROLES)[number];

export interface Kind {
  /** Name of the provider, and of its row in the matrix. */
  name: string;
  kind: string;
  /** Behind the fake's address, as the vendor documents it. */
  path: string;
  options?: Record<string, unknown>;
  dialect?: DialectName;
  fake?: UpstreamOptions;
  /** The vendor's models. Slow images are made and images edited by that for images, and what is not named by that for chats. */
  models: Partial<Record<Role, string>> & { chat: string };
}

const OPENAI = {
  chat: "gpt-4.1-mini",
  thinking: "gpt-5.4-mini",
  embedding: "text-embedding-3-small",
  image: "gpt-image-1",
};
const QWEN = {
  chat: "qwen-plus",
  vision: "qwen3-vl-plus",
  embedding: "text-embedding-v4",
  image: "qwen-image-max",
  "image-edit": "qwen-image-edit-plus",
  "slow-image": "wanx2.1-t2i-turbo",
};
const AZURE = { chat: "eu-gpt", embedding: "eu-embedding", image: "eu-image" };

export const KINDS: Kind[] = [
  { name: "openai", kind: "openai", path: "/v1", models: OPENAI },
  { name: "azure", kind: "azure", path: "", options: { api_version: "2024-10-21" }, models: AZURE },
  { name: "azure v1", kind: "azure", path: "/openai/v1", models: AZURE },
  { name: "anthropic", kind: "anthropic", path: "", models: { chat: "claude-sonnet-4-6" } },
  {
    name: "gemini",
    kind: "gemini",
    path: "",
    models: { chat: "gemini-3.8-flash", embedding: "gemini-embedding-001", image: "gemini-3.1-flash-image" },
  },
  { name: "dashscope", kind: "dashscope", path: "", options: { mode: "native" }, models: QWEN },
  { name: "dashscope compatible", kind: "dashscope", path: "/compatible-mode/v1", models: QWEN },
  {
    name: "zhipu",
    kind: "zhipu",
    path: "/api/paas/v4",
    options: { auth: "jwt" },
    models: { chat: "glm-4.6", embedding: "embedding-3", image: "cogview-4" },
  },
  { name: "vllm", kind: "vllm", path: "/v1", dialect: "vllm", models: { chat: "qwen3-8b", embedding: "bge-m3" } },
  { name: "llamacpp", kind: "llamacpp", path: "/v1", dialect: "llamacpp", models: { chat: "local" } },
  {
    name: "openai-compatible",
    kind: "openai-compatible",
    path: "/v1",
    fake: { lenient: true },
    models: { chat: "deepseek-v4-pro", embedding: "embedding", image: "flux" },
  },
];

export const KEY = "sk-e2e-sdk-0000000000000";
/** Of Zhipu's form, which the others take as well: what it is signed with stands behind the dot. */
const CREDENTIAL = "provider-account.provider-secret";
/** Tokens that every fake takes in a prompt. */
export const CONTEXT = 120;

export interface SdkWorld {
  gateway: Gateway;
  upstreamOf(kind: Kind): Upstream;
  stop(): Promise<void>;
}

/** The name under which clients ask for a kind's model. */
export function modelOf({ name }: Kind, role: Role): string {
  return `${name.replace(" ", "-")}-${role}`;
}

export async function startSdkWorld(): Promise<SdkWorld> {
  const upstreams = new Map<string, Upstream>();
  for (const { name, dialect, fake } of KINDS) {
    const chosen = dialect === undefined ? {} : { dialect };
    upstreams.set(name, await startUpstream({ keys: [CREDENTIAL], context: CONTEXT, ...chosen, ...fake }));
  }
  const upstreamOf = ({ name }: Kind): Upstream => {
    const upstream = upstreams.get(name);
    if (upstream === undefined) throw new Error(`no fake provider for ${name}`);
    return upstream;
  };
  const stopUpstreams = () => Promise.all([...upstreams.values()].map((upstream) => upstream.stop()));
  const gateway = await startGateway({ config: configOf(upstreamOf) }).catch(async (problem: unknown) => {
    await stopUpstreams();
    throw problem;
  });
  return { gateway, upstreamOf, stop: () => gateway.stop().finally(stopUpstreams) };
}

function configOf(upstreamOf: (kind: Kind) => Upstream): object {
  const provider = (kind: Kind) => ({
    name: kind.name.replace(" ", "-"),
    kind: kind.kind,
    base_url: upstreamOf(kind).url + kind.path,
    credentials: [CREDENTIAL],
    timeouts: { connect: "1s", first_token: "20s", idle: "20s", total: "1m" },
    ...(kind.options === undefined ? {} : { options: kind.options }),
  });
  const models = KINDS.flatMap((kind) =>
    ROLES.map((role) => ({
      name: modelOf(kind, role),
      targets: [{ provider: kind.name.replace(" ", "-"), model: vendorModel(kind, role) }],
      retries: 0,
    })),
  );
  const projects = [{ name: "main", models: ["*"], keys: [{ name: "sdk", secret: KEY }] }];
  return { version: 1, providers: KINDS.map(provider), models, projects };
}

function vendorModel({ models }: Kind, role: Role): string {
  return models[role] ?? (role.includes("image") ? models.image : undefined) ?? models.chat;
}
