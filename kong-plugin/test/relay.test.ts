/** Whom the relay serves. That it serves rightly is shown by the vectors and by the end-to-end cases. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Host } from "../src/relay/host.ts";
import { Relay } from "../src/relay/relay.ts";
import { TICKET_HEADER, Tickets } from "../src/relay/tickets.ts";

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

it("tickets end, and are all different", () => {
  const tickets = new Tickets();
  const early = tickets.issue(0);
  const late = tickets.issue(1000);
  expect(late).not.toBe(early);
  expect(tickets.redeem(early, 300_000)).toBeNull();
  expect(tickets.redeem(late, 300_000)).toEqual({ modelHeader: false });
});
