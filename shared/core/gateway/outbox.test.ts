import { describe, expect, it } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { Outbox } from "./outbox.ts";

const IN_A_BATCH = 500;

function fill(outbox: Outbox, batches: number): void {
  for (let i = 0; i < batches * IN_A_BATCH; i++) {
    outbox.open().ascii(`{"sequence":${outbox.next()}}`);
    outbox.added();
  }
}

/** The sequence numbers of the batch that leaves next. */
function next(outbox: Outbox): number[] {
  const out = new ByteWriter(0);
  outbox.write(out);
  return (JSON.parse(`[${Buffer.from(out.take())}]`) as { sequence: number }[]).map(({ sequence }) => sequence);
}

const json = (from: number, to: number) =>
  Buffer.from(Array.from({ length: to - from + 1 }, (_, index) => `{"sequence":${from + index}}`).join());

describe("parked batches", () => {
  it("take no room, are asked for when their turn comes, and leave as they were", () => {
    const outbox = new Outbox();
    for (let round = 0; round < 10; round++) {
      fill(outbox, 10);
      outbox.park(outbox.next() - 1);
    }
    expect(outbox.isFull()).toBe(false);
    const left: number[] = [];
    while (!outbox.isEmpty()) {
      const from = outbox.wantsFrom();
      if (from > 0) outbox.bring(json(from, outbox.wantsTo()));
      expect(outbox.wantsFrom()).toBe(0);
      const numbers = next(outbox);
      left.push(...numbers);
      outbox.acknowledge(numbers.at(-1) as number);
    }
    expect(left).toEqual(Array.from({ length: 100 * IN_A_BATCH }, (_, index) => index + 1));
    fill(outbox, 24);
    expect(outbox.isFull()).toBe(false);
    fill(outbox, 1);
    expect(outbox.isFull()).toBe(true);
  });

  it("are only those that the host has", () => {
    const outbox = new Outbox();
    fill(outbox, 24);
    outbox.park(10 * IN_A_BATCH);
    fill(outbox, 6);
    // Six of them are parked: the next four leave soon.
    expect(outbox.isFull()).toBe(false);
    fill(outbox, 1);
    expect(outbox.isFull()).toBe(true);
    outbox.acknowledge(10 * IN_A_BATCH);
    expect(next(outbox)[0]).toBe(10 * IN_A_BATCH + 1);
  });

  it("that are lost do not stop those behind them", () => {
    const outbox = new Outbox();
    fill(outbox, 12);
    outbox.park(outbox.next() - 1);
    outbox.acknowledge(4 * IN_A_BATCH);
    expect([outbox.wantsFrom(), outbox.wantsTo()]).toEqual([4 * IN_A_BATCH + 1, 5 * IN_A_BATCH]);
    outbox.bring(new Uint8Array(0));
    expect(outbox.wantsFrom()).toBe(5 * IN_A_BATCH + 1);
    outbox.bring(json(5 * IN_A_BATCH + 7, 6 * IN_A_BATCH));
    expect(next(outbox)[0]).toBe(5 * IN_A_BATCH + 7);
  });
});

it("is full when its host has no room", () => {
  const outbox = new Outbox();
  outbox.noRoom = true;
  expect(outbox.isFull()).toBe(true);
});
