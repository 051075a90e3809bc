/** A ticket is good once, for a while, and for nobody who has not been given it. */
import { expect, it } from "vitest";
import { Tickets, type Wishes } from "../src/relay/tickets.ts";

const wishes: Wishes = { key: "sk-of-the-consumer-0123456", modelHeader: true, usageHeaders: false };

it("is good once, with what was wished for", () => {
  const tickets = new Tickets();
  const ticket = tickets.issue(0, wishes);
  expect(tickets.redeem(ticket, 1)).toEqual(wishes);
  expect(tickets.redeem(ticket, 2)).toBeNull();
});

it("wishes for nothing unless it says so", () => {
  const tickets = new Tickets();
  expect(tickets.redeem(tickets.issue(0), 1)).toEqual({ key: null, modelHeader: false, usageHeaders: false });
});

it("ends after five minutes", () => {
  const tickets = new Tickets();
  const [early, late] = [tickets.issue(0), tickets.issue(1)];
  expect(tickets.redeem(early, 300_000)).toBeNull();
  expect(tickets.redeem(late, 300_000)).not.toBeNull();
});

it.each(["", "0".repeat(32), "undefined", "__proto__"])("is not %j", (guess) => {
  const tickets = new Tickets();
  tickets.issue(0);
  expect(tickets.redeem(guess, 1)).toBeNull();
});

it("has 128 bits of which none tells of another's", () => {
  const tickets = new Tickets();
  const count = 4000;
  const all = Array.from({ length: count }, () => tickets.issue(0));
  const bits = all.map((ticket) =>
    [...Buffer.from(ticket, "hex")].flatMap((byte) => [...byte.toString(2).padStart(8, "0")].map(Number)),
  );
  expect(bits.every(({ length }) => length === 128)).toBe(true);
  // Six standard deviations of a fair coin: once in two million runs, one of 255 is further off.
  const fair = (ones: number) => Math.abs(ones - count / 2) < 6 * Math.sqrt(count / 4);
  // No eight bytes come twice, wherever they begin.
  const text = all.join("");
  const pieces = Array.from({ length: text.length / 2 - 7 }, (_, at) => text.slice(at * 2, at * 2 + 16));
  expect(new Set(pieces).size).toBe(pieces.length);
  for (let bit = 0; bit < 128; bit++) {
    expect(fair(bits.filter((ticket) => ticket[bit] === 1).length)).toBe(true);
    expect(fair(bits.filter((ticket, at) => at > 0 && ticket[bit] !== bits[at - 1]?.[bit]).length)).toBe(true);
  }
});

it("is forgotten, the oldest first, when there are too many", () => {
  const tickets = new Tickets();
  const [first, second] = [tickets.issue(0), tickets.issue(0)];
  for (let i = 0; i < 100_000 - 1; i++) tickets.issue(0);
  expect(tickets.redeem(first, 1)).toBeNull();
  expect(tickets.redeem(second, 1)).not.toBeNull();
});
