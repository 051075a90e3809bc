/** What of a call's outcome must be the same in every build. */
import type { Outcome, Sent } from "../../shared/vectors/conformance.ts";

/** Ids, times and headers of the host's own are left out. */
export function comparable({ requests, client, records }: Outcome) {
  const text = ({ body }: Sent) => body.toString("latin1");
  return {
    requests: requests.map((sent) => ({ path: sent.path, key: sent.headers.authorization, body: text(sent) })),
    client: { status: client.status, retryAfter: client.headers["retry-after"], body: text(client) },
    records: records.map(({ outcome, usage, usage_source, raw_usage, served_model }) => ({
      ...{ outcome, usage, usage_source, raw_usage, served_model },
    })),
  };
}
