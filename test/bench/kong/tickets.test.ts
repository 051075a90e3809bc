/** What asks the plugin in a Kong's place, against the real plugin server: tickets must be good, refusals must be refused. */
import "../../../shared/core/target.ts";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KongSide } from "../../../kong-plugin/test/kong-side.ts";
import { CLIENT_KEY, ControlStandIn } from "../../../shared/vectors/control.ts";
import { PluginClient } from "./tickets.ts";

const standIn = new ControlStandIn({ targets: [], unsupported: "drop" });
const control = createServer(async (message, answer) => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  const told = standIn.answer(Buffer.concat(parts));
  if (told !== null) answer.end(told);
});
let side: KongSide;
let client: PluginClient;

beforeAll(async () => {
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  side = new KongSide(`http://127.0.0.1:${(control.address() as AddressInfo).port}`);
  await side.listen();
  client = new PluginClient(side.path);
});

afterAll(async () => {
  client.close();
  await side.stop();
  control.closeAllConnections();
  control.close();
});

test("as many tickets as were asked for, each good for one call", async () => {
  const tickets = await client.tickets(50, `Bearer ${CLIENT_KEY}`);
  const redeemed = [...tickets, ...tickets].map((ticket) => side.host.tickets.redeem(ticket, side.now) !== null);
  expect(redeemed).toEqual([...new Array(50).fill(true), ...new Array(50).fill(false)]);
  expect(side.plugins.busy).toBe(0);
});

test("no ticket is an error, and so is a request that should have been refused", async () => {
  await expect(client.tickets(1, "Bearer sk-short")).rejects.toThrow("Incorrect API key provided");
  const before = side.host.gateway.tally.unauthorized;
  await client.refusals(20, 4, (call) => (call % 2 === 0 ? null : "sk-short"));
  expect(side.host.gateway.tally.unauthorized - before).toBe(20);
  await expect(client.refusals(1, 1, () => CLIENT_KEY)).rejects.toThrow("the plugin answered nothing");
});
