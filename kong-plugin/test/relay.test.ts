/** Whom the relay serves. That it serves rightly is shown by the vectors and by the end-to-end cases. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Host } from "../src/relay/host.ts";
import { Relay } from "../src/relay/relay.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";

// Nothing listens there: the relay must turn away all the same.
const host = new Host({ controlUrl: "http://127.0.0.1:1", token: "t", node: "kong", log: () => {} });
const relay = new Relay(host);
let url: string;
beforeAll(async () => {
  url = `http://127.0.0.1:${await relay.listen("127.0.0.1", 0)}/v1/models`;
});
afterAll(async () => {
  relay.close();
  relay.cut();
  await host.stop();
});

async function ask(ticket: string | null): Promise<string> {
  const answer = await fetch(url, { headers: ticket === null ? {} : { [TICKET_HEADER]: ticket } });
  const { error } = (await answer.json()) as { error: { code: string; message: string; type: string; param: null } };
  expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
  return `${answer.status} ${error.code}`;
}

it.each([null, "", "0".repeat(32)])("turns away what has no ticket of the plugin (%s)", async (ticket) => {
  expect(await ask(ticket)).toBe("503 plugin_unavailable");
});

it("takes a ticket once", async () => {
  const ticket = host.tickets.issue(host.clock());
  // It is let in, and has no key.
  expect(await ask(ticket)).toBe("401 invalid_api_key");
  expect(await ask(ticket)).toBe("503 plugin_unavailable");
  expect(host.metrics.text()).toMatch(/^oneapi_relay_without_ticket_total [1-9]/m);
});

it("takes no two tickets, however they are sent", async () => {
  const [one, other] = [host.tickets.issue(host.clock()), host.tickets.issue(host.clock())];
  const call = request(url, { headers: { "X-OneAPI-Ticket": [one, other] } }).end();
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  expect(answer.resume().statusCode).toBe(503);
  // Neither was spent.
  expect(await ask(one)).toBe("401 invalid_api_key");
  expect(await ask(other)).toBe("401 invalid_api_key");
});
