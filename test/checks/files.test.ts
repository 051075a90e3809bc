import { expect, test } from "vitest";
import { read, trackedFiles } from "./tree.ts";

const CODE = /\.(?:ts|tsx|js|mjs|c|sql|sh|py|grit)$/;
const GENERATED = /generated|\.d\.ts$/;

test("no file of code has more than 400 lines: each is about one concept", () => {
  const long = trackedFiles(CODE)
    .filter((path) => !GENERATED.test(path))
    .map((path) => ({ path, lines: read(path).split("\n").length - 1 }))
    .filter(({ lines }) => lines > 400);
  expect(long).toEqual([]);
});

test("no file names a folder of one machine", () => {
  // Put together here, so that this file does not find itself.
  const machine = new RegExp(`(?:^|[\\s"'\`=(:])/(?:${["work", "root", "home/\\w+", "Users/\\w+"].join("|")})/`, "m");
  const text = /\.(?:ts|tsx|js|mjs|json|yaml|yml|md|sh|c|h|py|txt|grit|sql)$|^\.[^/]+$|^\.ci\//;
  expect(trackedFiles(text).filter((path) => machine.test(read(path)))).toEqual([]);
});

test("package-lock.json names no place to download from", () => {
  expect(read("package-lock.json")).not.toMatch(/"resolved": "http/);
});

test("nothing unfinished is left in the code", () => {
  const unfinished = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
  expect(trackedFiles(CODE).filter((path) => unfinished.test(read(path)))).toEqual([]);
});
