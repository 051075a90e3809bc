import { request } from "node:http";

export type Answer = { status: number; text: string };

/**
 * One HTTP request on a connection of its own (so that several reach several workers of an Envoy). Null when nothing
 * answers: during a start that is no error. `timeoutMs`: how long it may be silent.
 */
export async function ask(
  url: string,
  {
    method = "GET",
    headers = {},
    body = "",
    timeoutMs = 10_000,
  }: { method?: string; headers?: Record<string, string>; body?: string; timeoutMs?: number } = {},
): Promise<Answer | null> {
  return await new Promise((resolve) => {
    const call = request(url, { method, headers, agent: false, timeout: timeoutMs }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", () => resolve(null));
    });
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(null));
    call.end(body);
  });
}
