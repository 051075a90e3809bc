/** Images of DashScope: at once by some models, as tasks to be asked for by others. */
import type { DialectRequest, JsonObject } from "./answer.ts";
import { isObject, objectsOf } from "./answer.ts";
import { checkImageParameters, checkSynchronousImage } from "./dashscope-check.ts";
import { invalid, nativeRefusal } from "./dashscope-error.ts";
import { describeUrl, textOf } from "./openai-prompt.ts";

const IMAGE_MODELS = /^(qwen-image|wan|z-image|flux)/;
/** They make images in tasks only, of a prompt or of messages. */
const PROMPT_MODELS = /^(wanx|wan2\.[0-5]|flux)/;
const MESSAGE_MODELS = /^wan(?!x|2\.[0-5])/;
/** They make one image a call. */
const SINGLE_MODELS = /^(z-image|qwen-image(?!-[23]|-edit-))/;
/** They edit images, and only that; the others that take any can do without. */
const EDITING_MODELS = /^qwen-image-edit/;
const TAKING_MODELS = /^(qwen-image-([23]|edit)|wan[\d.]+-image)/;
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
  const model = String(body.model);
  if (PROMPT_MODELS.test(model) || MESSAGE_MODELS.test(model)) throw onlyAsTask();
  checkSynchronousImage(body, SINGLE_MODELS.test(model) ? 1 : 6);
  const prompt = promptOf(body);
  const choices = choicesOf(prompt, countOf(body));
  const usage = { image_count: choices.length, width: 1328, height: 1328, ...request.usage };
  return { json: { output: { choices }, usage, request_id: `req-${request.sequence}` }, usage };
}

/** The text of the message, and what its images are; refuses those that the model does not take, or lacks. */
function promptOf(body: JsonObject): string {
  const input = isObject(body.input) ? body.input : {};
  const content = objectsOf(input.messages)[0]?.content;
  const images = objectsOf(content).filter(({ image }) => image !== undefined);
  const model = String(body.model);
  if (images.length > (TAKING_MODELS.test(model) ? 3 : 0)) throw invalid("The number of images is out of range.");
  if (images.length === 0 && EDITING_MODELS.test(model)) throw invalid("Field required: input.messages.content.image");
  return [textOf(content), ...images.map(({ image }) => describeUrl(String(image)))].join(" ");
}

function choicesOf(prompt: string, count: number): JsonObject[] {
  return Array.from({ length: count }, (_, place) => ({
    finish_reason: "stop",
    message: { role: "assistant", content: [{ image: addressOf(prompt, place) }] },
  }));
}

function onlyAsTask() {
  return nativeRefusal(403, "AccessDenied", "current user api does not support synchronous calls.");
}

/** `ofMessages`: at the newer path, whose models take messages and answer in choices. */
export function createTask(body: JsonObject, ofMessages: boolean, request: DialectRequest): JsonObject {
  if (request.headers["x-dashscope-async"] !== "enable") throw onlyAsTask();
  const models = ofMessages ? MESSAGE_MODELS : /^(wanx|wan2\.[0-5]|flux|qwen-image)/;
  if (!models.test(String(body.model))) throw invalid("url error, please check url！");
  const input = isObject(body.input) ? body.input : {};
  const prompt = ofMessages ? promptOf(body) : input.prompt;
  if (typeof prompt !== "string" || prompt === "") {
    throw invalid(`Field required: input.${ofMessages ? "messages" : "prompt"}`);
  }
  checkImageParameters(body.parameters, 4);
  const id = `task-${request.sequence}`;
  request.memory.set(id, { prompt, ofMessages, count: countOf(body), polls: 0 });
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
  if (task.ofMessages === true) {
    const output = { ...ended, task_status: "SUCCEEDED", finished: true, choices: choicesOf(prompt, count - failed) };
    return { request_id, output, usage: { image_count: count - failed, size: "1280*1280" } };
  }
  const results = Array.from({ length: count }, (_, place) =>
    place < count - failed ? { orig_prompt: prompt, url: addressOf(prompt, place) } : failure,
  );
  const task_metrics = { TOTAL: count, SUCCEEDED: count - failed, FAILED: failed };
  const output = { ...ended, task_status: "SUCCEEDED", results, task_metrics };
  return { request_id, output, usage: { image_count: count - failed } };
}
