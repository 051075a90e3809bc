import "./target.ts";
import { describe, expect, test } from "vitest";
import { boundaryOf, Form } from "./multipart.ts";

const part = (head: string, content = "x") => `--b\r\n${head}\r\n\r\n${content}\r\n`;
const field = (name: string, content?: string) => part(`Content-Disposition: form-data; name="${name}"`, content);
const form = (text: string | Buffer) => new Form(Buffer.from(text as string), "b");

describe("a boundary", () => {
  test.each([
    ["multipart/form-data; boundary=b", "b"],
    ["Multipart/Form-Data ;charset=utf-8; BOUNDARY=b ", "b"],
    ['multipart/form-data;boundary="a:b/c?d=e"', "a:b/c?d=e"],
    [`multipart/form-data; boundary=${"b".repeat(70)}`, "b".repeat(70)],
  ])("of %s", (type, boundary) => expect(boundaryOf(type)).toBe(boundary));

  test.each([
    "",
    "application/json",
    "multipart/form-data",
    "multipart/form-data-x; boundary=b",
    "multipart/mixed; boundary=b",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary="',
    "multipart/form-data; boundary=a b",
    "multipart/form-data; boundary=a; boundary=b",
    `multipart/form-data; boundary=${"b".repeat(71)}`,
  ])("is not in %j", (type) => expect(boundaryOf(type)).toBe(""));
});

describe("a form", () => {
  test("has fields and files, whose bytes may be any", () => {
    const bytes = Buffer.from([0xff, 13, 10, 45, 45, 0, 13, 10, 13, 10, 45]);
    const head = 'content-type: image/png\r\nContent-Disposition: form-data; filename="a.png"; name=image';
    const read = form(
      Buffer.concat([Buffer.from(`${field("model", "é")}--b\r\n${head}\r\n\r\n`), bytes, Buffer.from("\r\n--b--")]),
    );
    expect(read.wrong).toBe("");
    expect(read.parts.map(({ name, isFile, type }) => [name, isFile, type])).toEqual([
      ["model", false, ""],
      ["image", true, "image/png"],
    ]);
    expect(read.part("model")?.text()).toBe("é");
    const file = read.part("image");
    expect(Buffer.from(file?.source.slice(file.start, file.end) ?? [])).toEqual(bytes);
  });

  test("may have empty fields, and end with a line end", () => {
    const read = form(`${field("a", "")}--b--\r\n`);
    expect([read.wrong, read.part("a")?.text()]).toEqual(["", ""]);
  });

  const doubtful = "A part of the body has no name that all readers understand alike.";
  test.each([
    ["no bytes", "", "The body does not begin with its boundary."],
    ["a preamble", `x\r\n${field("a")}--b--`, "The body does not begin with its boundary."],
    ["JSON", "{}", "The body does not begin with its boundary."],
    ["an epilogue", `${field("a")}--b--\r\n${field("a")}`, "The body goes on behind its last boundary."],
    ["a missing end", field("a"), "The body ends before its last boundary."],
    ["a boundary that goes on", `${field("a")}--bc\r\n`, "A boundary in the body is not on a line of its own."],
    [
      "a boundary behind a line feed",
      field("a", "\n--b\r\n") + "--b--",
      "A boundary in the body does not follow a line end.",
    ],
    [
      "a boundary instead of content",
      `--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n--b--`,
      "A boundary in the body does not follow a line end.",
    ],
    ["headers without an end", "--b\r\nContent-Disposition: form-data", "A part of the body has no proper headers."],
    [
      "headers with line feeds",
      '--b\r\nContent-Disposition: form-data; name="a"\n\nx\r\n--b--',
      "A part of the body has no proper headers.",
    ],
    ["no name", `${part("Content-Type: a")}--b--`, doubtful],
    ["an escaped name", `${field("mod\\el")}--b--`, doubtful],
    ["an encoded name", `${part("Content-Disposition: form-data; name*=utf-8''a")}--b--`, doubtful],
    ["two names", `${part('Content-Disposition: form-data; name="a"; name="b"')}--b--`, doubtful],
    [
      "two dispositions",
      `${part('Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"')}--b--`,
      doubtful,
    ],
    [
      "a quote in a file's name",
      `${part('Content-Disposition: form-data; name="a"; filename="x\\"; name=\\"b"')}--b--`,
      doubtful,
    ],
    ["a folded header", `${part('Content-Disposition: form-data;\r\n name="a"')}--b--`, doubtful],
    ["a space before the colon", `${part('Content-Disposition : form-data; name="a"')}--b--`, doubtful],
    [
      "an encoding",
      `${part('Content-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name="a"')}--b--`,
      doubtful,
    ],
    ["too many parts", `${field("a").repeat(65)}--b--`, "The body has too many parts."],
    ["a text of more than a megabyte", `${field("a", "x".repeat(1024 * 1024 + 1))}--b--`, "The field `a` is too long."],
  ])("with %s is refused", (_what, text, wrong) => expect(form(text).wrong).toBe(wrong));

  test("of line feeds and beginnings of boundaries takes time in proportion", () => {
    const started = performance.now();
    expect(form(`${field("image", "\r\n--".repeat(2_000_000))}--b--`).wrong).toBe("The field `image` is too long.");
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
