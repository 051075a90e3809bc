/**
 * Gateways that do nothing but send usage records, each as a real one does: one message at a time, and one that is refused
 * is sent again with the same records.
 *
 *   node senders.ts CONTROL_URL GATEWAYS WARM_SECONDS SECONDS [RECORDS_PER_SECOND]    (the gateways' token on stdin)
 *
 * Without a rate each gateway sends its next batch as soon as the last one is acknowledged; with one, records come into
 * being at that rate whether they are taken or not, as operations do. Prints one line of JSON, {@link Sent}.
 */
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

export type Sent = {
  /** Acknowledged after the warm seconds, and how long that was. */
  records: number;
  seconds: number;
  /** The last acknowledged sequence number of each gateway process. */
  acknowledged: Record<string, number>;
  /** Messages that were answered 503, and those whose answer had no `retry-after`. */
  refused: number;
  unadvised: number;
  /** Milliseconds from sending to acknowledgement. */
  p50: number;
  p99: number;
};

const BATCH = 100;
const [url = "", gateways = "8", warm = "1", seconds = "2", rate = "0"] = process.argv.slice(2);
const token = (await text(process.stdin)).trim();
const agent = new Agent({ keepAlive: true, maxSockets: Number(gateways), scheduling: "fifo" });
const born = performance.now();
const started = born + Number(warm) * 1000;
const end = started + Number(seconds) * 1000;
const sent: Sent = { records: 0, seconds: 0, acknowledged: {}, refused: 0, unadvised: 0, p50: 0, p99: 0 };
const times: number[] = [];
/** Batches that were begun. */
let begun = 0;

await Promise.all(Array.from({ length: Number(gateways) }, (_, index) => send(index)));
times.sort((a, b) => a - b);
sent.seconds = (performance.now() - started) / 1000;
sent.p50 = times[Math.floor(times.length * 0.5)] ?? 0;
sent.p99 = times[Math.floor(times.length * 0.99)] ?? 0;
process.stdout.write(`${JSON.stringify(sent)}\n`);
agent.destroy();

async function send(index: number): Promise<void> {
  const epoch = randomBytes(8).toString("hex");
  let sequence = 0;
  while (performance.now() < end) {
    if (Number(rate) > 0) {
      const due = born + (begun * BATCH * 1000) / Number(rate);
      begun++;
      if (due > end) return;
      await sleep(Math.max(0, due - performance.now()));
    }
    const body = message(`bench-${index}`, epoch, sequence);
    sequence += BATCH;
    const at = performance.now();
    for (;;) {
      const { status, advice, answer } = await post(body);
      if (status === 503) {
        sent.refused++;
        if (!(advice > 0)) sent.unadvised++;
        // What is left when the time is up was never acknowledged.
        if (performance.now() > end) return;
        await sleep(Math.max(advice, 0.1) * 1000 * (0.5 + Math.random()));
        continue;
      }
      const acknowledged = status === 200 ? (JSON.parse(answer) as { acknowledged: number }).acknowledged : -1;
      if (acknowledged !== sequence) throw new Error(`${sequence} records were answered with ${status}: ${answer}`);
      break;
    }
    sent.acknowledged[epoch] = sequence;
    if (at < started) continue;
    sent.records += BATCH;
    times.push(performance.now() - at);
  }
}

function post(body: string): Promise<{ status: number; advice: number; answer: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const outgoing = request(`${url}/gateway/v1/sync`, { method: "POST", agent, headers }, (incoming) => {
      const advice = Number(incoming.headers["retry-after"] ?? 0);
      text(incoming).then((answer) => resolve({ status: incoming.statusCode ?? 0, advice, answer }), reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** A push of a gateway: the records as the core writes them. */
function message(node: string, epoch: string, after: number): string {
  const now = Date.now();
  const records: string[] = [];
  for (let sequence = after + 1; sequence <= after + BATCH; sequence++) {
    const key = Math.floor(Math.random() * 500);
    records.push(
      `{"sequence":${sequence},"operation_id":"${epoch}-${sequence}","created_at_ms":${now},"key":"key_${key}","project":"project-${key % 20}"`,
      `,"user":null,"endpoint":"/v1/chat/completions","stream":true,"requested_model":"chat","served_model":"gpt-4o-mini","provider":"openai"`,
      `,"outcome":"ok","usage":{"prompt_tokens":812,"cached_tokens":0,"cache_write_tokens":0,"completion_tokens":164,"reasoning_tokens":0,"images":0}`,
      `,"raw_usage":{"prompt_tokens":812,"completion_tokens":164,"total_tokens":976,"prompt_tokens_details":{"cached_tokens":0}}`,
      `,"usage_source":"provider","tokenizer":null,"attempts":[{"provider":"openai","model":"gpt-4o-mini","status":200,"error":null,"latency_ms":1309}]`,
      `,"ttft_ms":310,"latency_ms":1310}${sequence === after + BATCH ? "" : ","}`,
    );
  }
  const head = `"version":1,"node":"${node}","epoch":"${epoch}","kind":"envoy","config_version":"","key_revision":-1,"wait_ms":0,"keys":[]`;
  return `{${head},"unauthenticated":{"sequence":0},"records":[${records.join("")}]}`;
}
