/** Images of DashScope: at once by some models, as tasks to be asked for by others. */
import type { DialectRequest, JsonObject } from "./answer.ts";
import { isObject, objectsOf } from "./answer.ts";
import { checkImageParameters } from "./dashscope-check.ts";
import { invalid, nativeRefusal } from "./dashscope-error.ts";
import { textOf } from "./openai-prompt.ts";

const IMAGE_MODELS = /^(qwen-image|wan|z-image)/;
/** They make images in tasks only. */
const TASK_MODELS = /^(wanx|wan2\.[0-5]|qwen-image-plus$|qwen-image$)/;
/** How often a task is asked for before it is done. */
const POLLS = 2;

export function isImageModel(body: JsonObject): boolean {
  return IMAGE_MODELS.test(String(body.model));
}

function countOf(body: JsonObject): number {
  return isObject(body.parameters) && typeof body.parameters.n === "number" ? body.parameters.n : 1;
}

/** The address says what was asked for, so that a test can compare it. */
function addressOf(prompt: string, place: number): string {
  return `https://dashscope-result.example/${encodeURIComponent(prompt)}-${place}.png?Expires=1790086400`;
}

export function synchronousImages(body: JsonObject, request: DialectRequest): { json: JsonObject; usage: JsonObject } {
  if (TASK_MODELS.test(String(body.model))) throw onlyAsTask();
  const input = isObject(body.input) ? body.input : {};
  const prompt = textOf(objectsOf(input.messages)[0]?.content);
  const choices = Array.from({ length: countOf(body) }, (_, place) => ({
    finish_reason: "stop",
    message: { role: "assistant", content: [{ image: addressOf(prompt, place) }] },
  }));
  const usage = { image_count: choices.length, width: 1328, height: 1328, ...request.usage };
  return { json: { output: { choices }, usage, request_id: `req-${request.sequence}` }, usage };
}

function onlyAsTask() {
  return nativeRefusal(403, "AccessDenied", "current user api does not support synchronous calls.");
}

export function createTask(body: JsonObject, request: DialectRequest): JsonObject {
  if (request.headers["x-dashscope-async"] !== "enable") throw onlyAsTask();
  if (!isImageModel(body)) throw invalid("url error, please check url！");
  const input = isObject(body.input) ? body.input : {};
  const prompt = typeof input.prompt === "string" ? input.prompt : textOf(objectsOf(input.messages)[0]?.content);
  if (prompt === "") throw invalid("Field required: input.prompt");
  checkImageParameters(body.parameters, 4);
  const id = `task-${request.sequence}`;
  request.memory.set(id, { prompt, count: countOf(body), polls: 0 });
  return { output: { task_id: id, task_status: "PENDING" }, request_id: `req-${request.sequence}` };
}

/** A prompt that says `fail one` loses its last image; `fail all` fails as a whole. */
export function showTask(id: string, request: DialectRequest): JsonObject {
  const request_id = `req-${request.sequence}`;
  const task = request.memory.get(id);
  if (task === undefined) return { request_id, output: { task_id: id, task_status: "UNKNOWN" } };
  const polls = Number(task.polls) + 1;
  request.memory.set(id, { ...task, polls });
  const times = { submit_time: "2026-11-23 10:00:00.000", scheduled_time: "2026-11-23 10:00:00.050" };
  if (polls < POLLS) return { request_id, output: { task_id: id, task_status: "RUNNING", ...times } };
  const ended = { task_id: id, ...times, end_time: "2026-11-23 10:00:03.000" };
  const prompt = String(task.prompt);
  const failure = { code: "DataInspectionFailed", message: "Output data may contain inappropriate content." };
  if (prompt.includes("fail all")) return { request_id, output: { ...ended, task_status: "FAILED", ...failure } };
  const count = Number(task.count);
  const failed = prompt.includes("fail one") ? 1 : 0;
  const results = Array.from({ length: count }, (_, place) =>
    place < count - failed ? { orig_prompt: prompt, url: addressOf(prompt, place) } : failure,
  );
  const task_metrics = { TOTAL: count, SUCCEEDED: count - failed, FAILED: failed };
  const output = { ...ended, task_status: "SUCCEEDED", results, task_metrics };
  return { request_id, output, usage: { image_count: count - failed } };
}
