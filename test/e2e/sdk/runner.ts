/** Runs jobs with the official SDK of Node. `runner.py` does the same with that of Python. */
import OpenAI, { APIError, toFile } from "openai";
import type { JsonObject } from "../../upstream/answer.ts";
import type { Job, Outcome, Step, Thrown, Work } from "./job.ts";

type Message = OpenAI.ChatCompletionMessageParam;
type Called = OpenAI.ChatCompletionMessageFunctionToolCall;

/** What a step leaves to the next one. */
interface Turn {
  asked: unknown[];
  said: Message | null;
  calls: Called[];
}

export async function runJobs({ baseUrl, key, jobs }: Work): Promise<Outcome[][]> {
  const client = new OpenAI({ apiKey: key, baseURL: baseUrl, maxRetries: 0, timeout: 30_000 });
  const outcomes: Outcome[][] = [];
  for (const job of jobs) outcomes.push(await runJob(client, job));
  return outcomes;
}

async function runJob(client: OpenAI, { upstream, script, steps }: Job): Promise<Outcome[]> {
  await fetch(`${upstream}/_script`, { method: "POST", body: JSON.stringify(script) });
  const outcomes: Outcome[] = [];
  let turn: Turn = { asked: [], said: null, calls: [] };
  for (const step of steps) {
    const outcome: Outcome = {};
    try {
      turn = await runStep(client, step, turn, outcome);
    } catch (problem) {
      outcome.error = thrown(problem);
    }
    outcomes.push(outcome);
    if (outcome.error !== undefined) break;
  }
  await fetch(`${upstream}/_script`, { method: "DELETE" });
  return outcomes;
}

/** Fills in the outcome bit by bit, so that what was there before an exception is told too. */
async function runStep(client: OpenAI, step: Step, turn: Turn, outcome: Outcome): Promise<Turn> {
  const asked = step.with as never;
  switch (step.call) {
    case "chat":
      return chat(client, step.with, turn, outcome);
    case "completion":
      await completion(client, step.with, outcome);
      break;
    case "embeddings": {
      const { data, usage } = await client.embeddings.create(asked);
      outcome.vectors = data.map(({ embedding }) => [Number(embedding[0]), embedding.length]);
      outcome.usage = [usage.prompt_tokens, 0];
      break;
    }
    case "images":
      outcome.images =
        step.with.stream === true
          ? await drawn(client, asked)
          : imagesOf((await client.images.generate(asked)) as OpenAI.ImagesResponse);
      break;
    case "edit": {
      const image = await toFile(Buffer.from(String(step.with.image), "base64"), "a.png", { type: "image/png" });
      outcome.images = imagesOf(
        (await client.images.edit({ ...(step.with as never as Edit), image })) as OpenAI.ImagesResponse,
      );
      break;
    }
    case "models": {
      const known: string[] = [];
      for await (const model of client.models.list()) known.push(model.id);
      outcome.models = known.sort();
      break;
    }
    case "model":
      outcome.models = [(await client.models.retrieve(String(step.with.model))).id];
  }
  return turn;
}

/** The events of a streamed image. */
async function drawn(client: OpenAI, asked: OpenAI.ImageGenerateParamsStreaming): Promise<string[]> {
  const types: string[] = [];
  for await (const event of await client.images.generate(asked)) types.push(event.type);
  return types;
}

type Edit = OpenAI.ImageEditParamsNonStreaming;

function imagesOf({ data }: OpenAI.ImagesResponse): string[] {
  return (data ?? []).map((image) => (image.url ? "url" : image.b64_json ? "b64_json" : "nothing"));
}

async function chat(client: OpenAI, given: JsonObject, turn: Turn, outcome: Outcome): Promise<Turn> {
  const asked = (given.messages as unknown[]).flatMap((message): unknown[] => {
    if (message === "$asked") return turn.asked;
    if (message === "$said") return [turn.said];
    if (message !== "$results") return [message];
    return turn.calls.map((call, index) => ({ role: "tool", tool_call_id: call.id, content: `r${index}` }));
  });
  const request = { ...given, messages: asked } as unknown as OpenAI.ChatCompletionCreateParams;
  const said =
    request.stream === true ? await streamed(client, request, outcome) : await whole(client, request, outcome);
  const calls = (said.tool_calls ?? []) as Called[];
  outcome.calls = calls.map((call) => ({ name: call.function.name, arguments: parsed(call.function.arguments) }));
  return { asked, said, calls };
}

type Said = OpenAI.ChatCompletionAssistantMessageParam;

async function whole(client: OpenAI, request: OpenAI.ChatCompletionCreateParams, outcome: Outcome): Promise<Said> {
  const answer = await client.chat.completions.create({ ...request, stream: false });
  const [choice] = answer.choices;
  outcome.choices = answer.choices.length;
  outcome.finish = choice?.finish_reason ?? null;
  outcome.usage = tokensOf(answer.usage);
  outcome.text = choice?.message.content ?? null;
  outcome.reasoning = (choice?.message as { reasoning_content?: string } | undefined)?.reasoning_content ?? null;
  return choice?.message as Said;
}

async function streamed(client: OpenAI, request: OpenAI.ChatCompletionCreateParams, outcome: Outcome): Promise<Said> {
  const stream = await client.chat.completions.create({ ...request, stream: true });
  const calls: Called[] = [];
  Object.assign(outcome, { text: "", reasoning: null, finish: null, usage: null, usage_chunks: 0 });
  for await (const chunk of stream) {
    if (chunk.usage) {
      outcome.usage = tokensOf(chunk.usage);
      outcome.usage_chunks = (outcome.usage_chunks ?? 0) + 1;
    }
    const [choice] = chunk.choices;
    if (choice === undefined) continue;
    const delta = choice.delta as typeof choice.delta & { reasoning_content?: string | null };
    outcome.text += delta.content ?? "";
    if (delta.reasoning_content) outcome.reasoning = (outcome.reasoning ?? "") + delta.reasoning_content;
    outcome.finish = choice.finish_reason ?? outcome.finish ?? null;
    for (const part of delta.tool_calls ?? []) addTo(calls, part);
  }
  const called = calls.length === 0 ? {} : { tool_calls: calls };
  return { role: "assistant", content: outcome.text || null, ...called };
}

function addTo(calls: Called[], part: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall): void {
  calls[part.index] ??= { id: "", type: "function", function: { name: "", arguments: "" } };
  const call = calls[part.index] as Called;
  call.id += part.id ?? "";
  call.function.name += part.function?.name ?? "";
  call.function.arguments += part.function?.arguments ?? "";
}

async function completion(client: OpenAI, given: JsonObject, outcome: Outcome): Promise<void> {
  const request = given as unknown as OpenAI.CompletionCreateParams;
  if (request.stream !== true) {
    const answer = await client.completions.create({ ...request, stream: false });
    outcome.text = answer.choices[0]?.text ?? null;
    outcome.finish = answer.choices[0]?.finish_reason ?? null;
    outcome.usage = tokensOf(answer.usage);
    return;
  }
  const stream = await client.completions.create({ ...request, stream: true });
  Object.assign(outcome, { text: "", finish: null, usage: null, usage_chunks: 0 });
  for await (const chunk of stream) {
    if (chunk.usage) {
      outcome.usage = tokensOf(chunk.usage);
      outcome.usage_chunks = (outcome.usage_chunks ?? 0) + 1;
    }
    outcome.text += chunk.choices[0]?.text ?? "";
    outcome.finish = chunk.choices[0]?.finish_reason ?? outcome.finish ?? null;
  }
}

function tokensOf(usage: OpenAI.CompletionUsage | null | undefined): [number, number] | null {
  return usage == null ? null : [usage.prompt_tokens, usage.completion_tokens];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function thrown(problem: unknown): Thrown {
  const { name, message } = problem as Error;
  if (!(problem instanceof APIError)) {
    return { thrown: name, status: null, type: null, code: null, param: null, message, retry_after: null };
  }
  const { status, type, code, param, headers, error } = problem;
  return {
    thrown: problem.constructor.name,
    status: status ?? null,
    type: type ?? null,
    code: code ?? null,
    param: param ?? null,
    message: (error as { message?: string } | undefined)?.message ?? message,
    retry_after: headers?.get("retry-after") ?? null,
  };
}
