import { STATUS_CODES } from "node:http";
import type { Mistake } from "@oneapi/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** An answer that is not a success, as RFC 9457 `application/problem+json`. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly errors: readonly Mistake[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail what is wrong with this request; shown to the client, so it must hold no secret. */
  constructor(
    status: number,
    detail: string,
    extra: { errors?: readonly Mistake[]; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.status = status;
    this.errors = extra.errors;
    this.headers = extra.headers ?? {};
  }
}

/** Makes every error and every unknown path of the app a problem document. */
export function answerProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => send(request, reply, new Problem(404, "there is nothing at this path")));
  app.setErrorHandler((error, request, reply) => {
    const problem = error instanceof Problem ? error : fromFastify(error);
    // A client that is told when to come again is nothing to look into.
    const isPassing = problem.headers["retry-after"] !== undefined;
    if (problem.status >= 500 && !isPassing) request.log.error({ err: error }, "request failed");
    return send(request, reply, problem);
  });
}

function send(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type("application/problem+json")
    .send({
      type: "about:blank",
      title: STATUS_CODES[problem.status] ?? "Error",
      status: problem.status,
      detail: problem.message,
      instance: request.url.split("?")[0],
      ...(problem.errors && { errors: problem.errors }),
    });
}

/** Fastify's own errors (bad JSON, body too large, media type) keep their status; all else is ours and tells nothing. */
function fromFastify(error: unknown): Problem {
  const { statusCode, message, code } = error as { statusCode?: number; message?: string; code?: string };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && code?.startsWith("FST_")) {
    return new Problem(statusCode, message ?? "the request is not valid");
  }
  return new Problem(500, "the service failed; its log says why");
}
