import { ByteWriter } from "./byte-writer.ts";
import { shorten } from "./text.ts";

/** The most of a client's own word that it is shown again. */
const LONGEST_NAME: i32 = 200;

/**
 * An error as the client sees it: OpenAI's `{"error":{"message","type","param","code"}}` with its status.
 * @see https://platform.openai.com/docs/guides/error-codes
 */
export class Problem {
  /** HTTP status. */
  readonly status: i32;
  readonly type: string;
  /** Empty for null. */
  readonly code: string;
  /** The field at fault, such as `messages[1].role`; empty for null. */
  readonly param: string;
  readonly message: string;
  /** For an attempt: whether the next target may serve the operation instead. */
  retryable: boolean = false;
  /** How long the credential that met this should rest, in milliseconds; 0 when it need not. */
  restMs: i32 = 0;
  /** Seconds for the `retry-after` header; 0 for none. */
  retryAfter: i32 = 0;

  constructor(status: i32, type: string, code: string, param: string, message: string) {
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
    this.message = message;
  }

  /** Writes the JSON body. */
  write(out: ByteWriter): void {
    out.ascii('{"error":{"message":').quoted(this.message);
    out.ascii(',"type":').quoted(this.type);
    out.ascii(',"param":');
    if (this.param.length === 0) out.ascii("null");
    else out.quoted(this.param);
    out.ascii(',"code":');
    if (this.code.length === 0) out.ascii("null");
    else out.quoted(this.code);
    out.ascii("}}");
  }

  /** Writes the error as one event of an OpenAI stream. */
  writeEvent(out: ByteWriter): void {
    out.ascii("data: ");
    this.write(out);
    out.ascii("\n\n");
  }
}

/** 400: the client's request is wrong; `param` names the field, or is empty. */
export function invalidRequest(message: string, param: string, code: string): Problem {
  return new Problem(400, "invalid_request_error", code, param, message);
}

/** 401: no key, or one that does not serve. */
export function unauthorized(message: string, code: string): Problem {
  return new Problem(401, "authentication_error", code, "", message);
}

/** 404, also for a model that the key may not use. */
export function modelNotFound(model: string): Problem {
  const message = "The model `" + shorten(model, LONGEST_NAME) + "` does not exist or you do not have access to it.";
  return new Problem(404, "invalid_request_error", "model_not_found", "model", message);
}

/** 502: a provider failed in a way that is no concern of the client's. */
export function providerError(message: string): Problem {
  const problem = new Problem(502, "provider_error", "provider_error", "", message);
  problem.retryable = true;
  return problem;
}

/** 503: the gateway itself cannot serve now. */
export function unavailable(message: string, code: string): Problem {
  return new Problem(503, "server_error", code, "", message);
}

/** 503: the control service decides, and cannot be asked. */
export function controlUnavailable(): Problem {
  return unavailable("The gateway cannot reach its control service; try again later.", "control_unavailable");
}

/** 403: a budget binds the operation, and nobody has said what the model costs. */
export function modelNotPriced(model: string): Problem {
  const name = shorten(model, LONGEST_NAME);
  const message = "The model `" + name + "` has no price, so it cannot be used under a limit of spend.";
  return new Problem(403, "permission_error", "model_not_priced", "model", message);
}
