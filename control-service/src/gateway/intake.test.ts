import { describe, expect, it } from "vitest";
import { Intake, SHORT_MESSAGE_BYTES } from "./intake.ts";

describe("the intake of messages", () => {
  const capacity = 1_000_000;

  it("is full at its capacity, and has room again for what has left", () => {
    const intake = new Intake(capacity);
    const first = intake.enter(600_000);
    expect(first?.isReserve).toBe(false);
    expect(intake.enter(500_000)).toBeNull();
    expect(intake.enter(400_000)?.isReserve).toBe(false);
    first?.leave();
    first?.leave();
    expect(intake.enter(600_001)).toBeNull();
    expect(intake.enter(600_000)).not.toBeNull();
  });

  it("keeps a reserve for short messages, which is bounded too", () => {
    const intake = new Intake(capacity);
    intake.enter(capacity);
    expect(intake.enter(SHORT_MESSAGE_BYTES + 1)).toBeNull();
    let taken = 0;
    while (intake.enter(SHORT_MESSAGE_BYTES)?.isReserve) taken++;
    expect(taken).toBeGreaterThan(10);
    expect(taken).toBeLessThan(100);
  });

  it("takes what is larger than all its room when that comes alone", () => {
    const intake = new Intake(capacity);
    const large = intake.enter(5 * capacity);
    expect(large?.isReserve).toBe(false);
    expect(intake.enter(undefined)).toBeNull();
    large?.leave();
    const other = intake.enter(undefined);
    expect(other).not.toBeNull();
    expect(intake.enter(5 * capacity)).toBeNull();
  });
});
