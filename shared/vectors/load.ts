/** Reads the vectors' files; README.md tells their format. */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Capabilities, capabilitiesSchema, providerKinds } from "@oneapi/contract";
import { readBody } from "./notation.ts";

/** Unix time in seconds at which every vector plays. */
export const NOW = 1_790_000_000;
/** The model that clients ask for. */
export const PUBLIC_MODEL = "demo";

export interface Target {
  name: string;
  kind: string;
  baseUrl: string;
  model: string;
  /** Empty: none. */
  credential: string;
  options: Record<string, unknown>;
  /** Laid over what the catalog knows of the model. */
  capabilities?: Capabilities;
}

/** A request or an answer as a file tells it: what is given, or what is expected. */
export interface Message {
  /** Of a request; null when it does not matter. */
  method: string | null;
  path: string | null;
  /** Of an answer; 0 when the connection breaks instead, and of a request. */
  status: number;
  /** By lower-case name; null must not be there. */
  headers: Record<string, string | null>;
  body: Buffer;
  /** The body is a stream of events. */
  stream: boolean;
  /** The body is that of the message it comes from, byte for byte. */
  same: boolean;
}

export interface Vector {
  /** Folder and file without `.txt`. */
  name: string;
  description: string;
  /** In the order in which they are tried. */
  targets: Target[];
  unsupported: "drop" | "reject";
  request: Message;
  attempts: { sees: Message | null; answers: Message }[];
  client: Message;
  /** Members that the record must have; null: there is none; undefined: unchecked. */
  record: Record<string, unknown> | null | undefined;
}

const FOLDER = import.meta.dirname;

/** Those that vectors use, but of their own `base_url`; by kind. */
const BASE_URLS: Record<string, string> = {
  openai: "https://api.openai.com/v1",
  azure: "https://demo.openai.azure.com",
  anthropic: "https://api.anthropic.com",
  dashscope: "https://dashscope.aliyuncs.com/api/v1",
  gemini: "https://generativelanguage.googleapis.com",
  vllm: "http://127.0.0.1:8000/v1",
  llamacpp: "http://127.0.0.1:8080/v1",
  zhipu: "https://open.bigmodel.cn/api/paas/v4",
};

/** All vectors, or those of some folders. */
export function loadVectors(...folders: string[]): Vector[] {
  return globSync("*/*.txt", { cwd: FOLDER })
    .filter((file) => folders.length === 0 || folders.includes(dirname(file)))
    .sort()
    .map((file) => parseVector(file.replace(/\.txt$/, ""), readFileSync(join(FOLDER, file), "utf8")));
}

/** Throws an Error that names the mistake: a vector that is misread would test nothing. */
export function parseVector(name: string, text: string): Vector {
  const [description = "", ...parts] = text.split(/^--- /m);
  const vector: Partial<Vector> & Pick<Vector, "targets" | "attempts"> = { targets: [], attempts: [] };
  const fail = (problem: string): never => {
    throw new Error(`${name}: ${problem}`);
  };
  if (description.trim() === "") fail("does not say what it shows");
  let sees: Message | null = null;
  for (const part of parts) {
    const end = part.indexOf("\n");
    const title = part.slice(0, end);
    const content = part.slice(end + 1);
    switch (title) {
      case "target":
        addTarget(vector, basename(dirname(name)), content);
        break;
      case "client request":
        vector.request = readMessage(content, "call");
        break;
      case "provider sees":
        sees = readMessage(content, "seen");
        break;
      case "provider answers":
        vector.attempts.push({ sees, answers: readMessage(content, "answer") });
        sees = null;
        break;
      case "client sees":
        vector.client = readMessage(content, "answer");
        break;
      case "record":
        vector.record = content.trim() === "none" ? null : JSON.parse(content);
        break;
      default:
        fail(`has an unknown section "${title}"`);
    }
  }
  if (vector.targets.length === 0) addTarget(vector, basename(dirname(name)), "");
  const { request, client, targets, attempts, record, unsupported = "drop" } = vector;
  if (request === undefined || client === undefined) return fail("needs a client request and what the client sees");
  if (sees !== null) fail("has a request that no provider answers");
  return { name, description: description.trim(), targets, unsupported, request, attempts, client, record };
}

function addTarget(vector: Partial<Vector> & Pick<Vector, "targets">, folder: string, content: string): void {
  const lines = content.split("\n").filter((line) => line.trim() !== "");
  const given = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const take = (key: string, otherwise: string): string => {
    const value = given.get(key) ?? otherwise;
    given.delete(key);
    return value;
  };
  const kind = take("kind", (providerKinds as readonly string[]).includes(folder) ? folder : "openai");
  const credential = take("credential", "provider-secret");
  const unsupported = take("unsupported", "");
  if (unsupported === "drop" || unsupported === "reject") vector.unsupported = unsupported;
  vector.targets.push({
    kind,
    name: take("name", kind),
    baseUrl: take("base_url", BASE_URLS[kind] ?? "https://api.example.com/v1"),
    model: take("model", PUBLIC_MODEL),
    credential: credential === "none" ? "" : credential,
    options: JSON.parse(take("options", "{}")),
    capabilities: capabilitiesSchema.parse(JSON.parse(take("capabilities", "{}"))),
  });
  if (given.size > 0) throw new Error(`a target has no ${[...given.keys()].join(", ")}`);
}

const REQUEST_LINE = /^([A-Z]+) (\/\S*)$/;
const STATUS_LINE = /^(\d{3}|no answer)$/;
const HEADER_LINE = /^([a-z0-9-]+): (.*)$/;
/** How a stream of events begins, perhaps behind a byte order mark. */
const EVENT_LINE = /^(⟨[^⟩]*⟩)?(data|event|id|retry)?:/;

/** `call`: what the client sends; `seen`: what a provider must get; `answer`: of a provider, or for the client. */
function readMessage(content: string, kind: "call" | "seen" | "answer"): Message {
  const message: Message = {
    method: kind === "call" ? "POST" : null,
    path: kind === "call" ? "/v1/chat/completions" : null,
    status: kind === "answer" ? 200 : 0,
    headers: {},
    body: Buffer.alloc(0),
    stream: false,
    same: false,
  };
  let rest = content;
  const line = rest.slice(0, rest.indexOf("\n"));
  const request = REQUEST_LINE.exec(line);
  if (request !== null) [, message.method, message.path] = request as unknown as [string, string, string];
  else if (STATUS_LINE.test(line)) message.status = Number(line) || 0;
  if (request !== null || STATUS_LINE.test(line)) rest = readHeaders(rest.slice(line.length + 1), message.headers);
  message.same = /^\(as the (client sent|provider answered)\)\n*$/.test(rest);
  message.stream = message.headers["content-type"]?.startsWith("text/event-stream") ?? EVENT_LINE.test(rest);
  if (!message.same) message.body = readBody(message.stream ? rest : rest.trimEnd());
  return message;
}

/** Answers what follows the headers' blank line. */
function readHeaders(text: string, headers: Message["headers"]): string {
  let rest = text;
  while (rest !== "" && !rest.startsWith("\n")) {
    const line = rest.slice(0, rest.indexOf("\n"));
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not a header: ${line}`);
    headers[name] = value === "(absent)" ? null : value;
    rest = rest.slice(line.length + 1);
  }
  return rest.slice(1);
}
