import { describe, expect, it } from "vitest";
import { send } from "./harness.ts";

function part(content: unknown) {
  const sent = send({ messages: [{ role: "user", content: [content] }] });
  return {
    problem: sent.problem,
    block: (sent.body.messages as { content: unknown[] }[] | undefined)?.[0]?.content[0],
  };
}

const image = (url: unknown) => part({ type: "image_url", image_url: { url, detail: "low" } });
const file = (members: unknown) => part({ type: "file", file: members });

describe("images", () => {
  it.each([
    ["image/png", "image/png"],
    ["image/jpeg", "image/jpeg"],
    ["image/jpg", "image/jpeg"],
    ["image/gif", "image/gif"],
    ["image/webp;charset=utf-8", "image/webp"],
  ])("of a data URI of type %s", (type, expected) => {
    expect(image(`data:${type};base64,iVBO/w==`).block).toEqual({
      type: "image",
      source: { type: "base64", media_type: expected, data: "iVBO/w==" },
    });
  });

  it("of a data URI keep its spelling: what is not decoded costs nothing", () => {
    const data = "A".repeat(100_000);
    const sent = send({
      messages: [
        { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${data}` } }] },
      ],
    });
    expect(sent.text).toContain(`"data":"${data}"}`);
  });

  it("lose the white space of wrapped base64, and escapes that need not be", () => {
    const spelled =
      '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\\/p\\u006eg;base64,iV\\nBO\\r\\n \\/w=="}}]}]}';
    expect(JSON.stringify(send(spelled).body)).toContain('"media_type":"image/png","data":"iVBO/w=="');
  });

  it("of an https URL, also when the URL stands alone", () => {
    const expected = { type: "image", source: { type: "url", url: "https://x.test/a,b.png" } };
    expect(image("https://x.test/a,b.png").block).toEqual(expected);
    expect(part({ type: "image_url", image_url: "https://x.test/a,b.png" }).block).toEqual(expected);
  });

  it("keep their cache mark", () => {
    const mark = { type: "ephemeral" };
    expect(part({ type: "image_url", image_url: { url: "https://x.test/" }, cache_control: mark }).block).toMatchObject(
      { cache_control: mark },
    );
  });

  it.each([
    "http://x.test/a.png",
    "ftp://x.test/a.png",
    "",
    "a.png",
    "data:image/png,abc",
    "data:image/bmp;base64,AAAA",
    "data:image/svg+xml;base64,AAAA",
    "data:;base64,AAAA",
    "data:base64,AAAA",
    "data:application/pdf;base64,AAAA",
    `data:image/png${";a=b".repeat(100)};base64,AAAA`,
  ])("of %s are refused", (url) => {
    expect(image(url)).toMatchObject({ problem: { status: 400, param: "messages[0].content[0].image_url.url" } });
  });

  it("without a URL are refused", () => {
    expect(image(null).problem?.param).toBe("messages[0].content[0].image_url.url");
    expect(image(7).problem?.param).toBe("messages[0].content[0].image_url.url");
    expect(part({ type: "image_url" }).problem?.param).toBe("messages[0].content[0].image_url");
    expect(part({ type: "image_url", image_url: "x" }).problem?.param).toBe("messages[0].content[0].image_url");
  });

  it("may be what a tool answers", () => {
    const sent = send({
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: "" } }] },
        { role: "tool", tool_call_id: "a", content: [{ type: "image_url", image_url: { url: "https://x.test/" } }] },
      ],
    });
    expect(sent.body.messages).toMatchObject([
      {},
      {},
      {
        content: [
          { type: "tool_result", content: [{ type: "image", source: { type: "url", url: "https://x.test/" } }] },
        ],
      },
    ]);
  });
});

describe("files", () => {
  const source = { type: "base64", media_type: "application/pdf", data: "JVBERi0x" };

  it("are documents when they are PDF", () => {
    expect(file({ filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0x" }).block).toEqual({
      type: "document",
      source,
      title: "a.pdf",
    });
    expect(file({ filename: "a".repeat(201), file_data: "JVBERi0x" }).block).toEqual({ type: "document", source });
  });

  it.each<[string, unknown]>([
    [".file_data", { file_data: "data:text/plain;base64,AAAA" }],
    [".file_data", { file_data: "AAAA" }],
    [".file_data", { file_data: "J" }],
    [".file_data", { file_data: 7 }],
    [".file_data", {}],
    [".file_id", { file_id: "file-1" }],
    ["", "x"],
    ["", null],
  ])("of another kind are refused, naming file%s", (param, members) => {
    expect(file(members)).toMatchObject({ problem: { status: 400, param: `messages[0].content[0].file${param}` } });
  });
});
