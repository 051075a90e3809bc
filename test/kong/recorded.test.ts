/** What a real Kong 3.9.1 said to a plugin server, and was answered: the stand-in says the same, the server reads the same. */
import { readFileSync } from "node:fs";
import { decode } from "@msgpack/msgpack";
import { expect, it } from "vitest";
import { CallReader } from "../../kong-plugin/src/server/frames.ts";
import { encodeAsKong } from "./msgpack.ts";

interface Frame {
  from: "kong" | "server";
  bytes: Buffer;
}

const frames: Frame[] = readFileSync(new URL("session.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { from: Frame["from"]; hex: string })
  .map(({ from, hex }) => ({ from, bytes: Buffer.from(hex, "hex") }));
const ofKong = frames.filter(({ from }) => from === "kong").map(({ bytes }) => bytes);

it("has calls of Kong and answers to them", () => {
  expect(ofKong.length).toBeGreaterThan(100);
  expect(frames.length).toBeGreaterThan(ofKong.length + 100);
});

it("the stand-in encodes what Kong encoded, byte for byte", () => {
  for (const bytes of ofKong) expect(encodeAsKong(decode(bytes)).toString("hex")).toBe(bytes.toString("hex"));
});

it.each([1, 7, 100_000])("the server reads Kong's calls, in pieces of %i bytes", (size) => {
  const all = Buffer.concat(ofKong);
  const pieces = Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
    all.subarray(at * size, (at + 1) * size),
  );
  const reader = new CallReader();
  const read = pieces.flatMap((piece) => [...reader.take(piece)]);
  const again = read.map(({ id, method, args }) => encodeAsKong([0, id, method, args]).toString("hex"));
  expect(again).toEqual(ofKong.map((bytes) => bytes.toString("hex")));
});
