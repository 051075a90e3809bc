import { expect, it } from "vitest";
import { CHAT, ClientRequest, EMBEDDINGS } from "./exchange.ts";
import { Json } from "./json.ts";
import { withoutSignatures } from "./signed-ids.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

function callOf(text: string, endpoint = CHAT): ClientRequest {
  const body = encodeUtf8(text);
  return new ClientRequest(endpoint, body, Json.parse(body) ?? new Json(0, body, 0, 0), 1);
}

const seen = (text: string) => {
  const { body } = withoutSignatures(callOf(text));
  return decodeUtf8(body, 0, body.length);
};

it("cuts signatures off the ids of calls and of their results, and leaves the rest as it is spelled", () => {
  const id = "a__thought__x__thought__QQ_3d";
  const text = (of: string) =>
    `{"n": 1.0,"messages":[{"role":"user","content":"__thought__"},{"role":"assistant","tool_calls":[{"id":"${of}","function":{"name":"f","arguments":"{\\"id\\":\\"b__thought__c\\"}"}},{"id":"b"}, 7]},{"tool_call_id":"${of}","id":"c__thought__d"}]}`;
  expect(JSON.parse(seen(text(id)))).toEqual(JSON.parse(text("a__thought__x")));
  expect(seen(text(id))).toContain('"n":1.0');
});

it.each([
  '{"messages":[{"role":"user","content":"a_b __thought_"}]}',
  `{"messages":[{"role":"user","content":"${"_a".repeat(300)}"}]}`,
  `{"messages":[{"role":"user","content":"${"a".repeat(300)}_"}]}`,
  "{}",
])("answers the call itself when there is none: %s", (text) => {
  const call = callOf(text);
  expect(withoutSignatures(call)).toBe(call);
});

it("finds a mark wherever it stands", () => {
  for (let before = 0; before < 200; before++) {
    const text = `{"x":"${"a".repeat(before)}","messages":[{"tool_call_id":"a__thought__b"}]}`;
    expect(seen(text)).toContain('"tool_call_id":"a"');
  }
});

it.each(['{"messages":"__thought__"}', '{"messages":[7,null,{"tool_calls":"__thought__"}]}', '{"a":["__thought__"]}'])(
  "takes anything for messages: %s",
  (text) => {
    expect(seen(text)).toBe(text);
  },
);

it("keeps an id of nothing but a signature, and calls of other endpoints", () => {
  expect(seen('{"messages":[{"tool_call_id":"__thought__b"}]}')).toBe('{"messages":[{"tool_call_id":"__thought__b"}]}');
  const call = callOf('{"messages":[{"tool_call_id":"a__thought__b"}]}', EMBEDDINGS);
  expect(withoutSignatures(call)).toBe(call);
});
