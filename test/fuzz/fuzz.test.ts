/** A short run of `npm run fuzz` with a fixed seed, and proof that it finds what it is to find. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../shared/vectors/load.ts";
import { compileCore, inNode } from "./builds.ts";
import { corpusOf, KINDS, makeCase } from "./case.ts";
import { Race } from "./race.ts";

const INPUTS = 1500;
const SEED = 1;

const core = compileCore();
const vectors = loadVectors();

describe.each(KINDS)("%s", (kind) => {
  const corpus = corpusOf(kind, vectors);

  it(`${INPUTS} mutated calls and answers come out of both builds alike`, { timeout: 120_000 }, () => {
    const race = new Race(core);
    for (let number = 0; number < INPUTS; number++) expect(race.play(corpus, SEED, number)).toBeNull();
    expect(race.memory).toBeLessThan(16 * 2 ** 20);
  });

  it("the inputs reach what they are made for: most calls pass, answers succeed and fail", () => {
    const build = inNode();
    const ends = { "": 0, failed: 0, truncated: 0, complete: 0 };
    for (let number = 0; number < INPUTS; number++) {
      const [end = ""] =
        /(failed|truncated|complete)(?= )/.exec(build(makeCase(corpus, SEED, number).input).toString()) ?? [];
      ends[end as keyof typeof ends] += 1;
    }
    for (const count of Object.values(ends)) expect(count).toBeGreaterThan(0);
    expect(ends.complete).toBeGreaterThan(INPUTS / 10);
  });
});

describe("the race", () => {
  it("makes the same input of a number again", () => {
    const corpus = corpusOf("openai", vectors);
    expect(makeCase(corpus, 7, 42).input).toEqual(makeCase(corpus, 7, 42).input);
    expect(makeCase(corpus, 7, 42).input).not.toEqual(makeCase(corpus, 7, 43).input);
  });
});
