import { expect, it } from "vitest";
import { encodeUtf8 } from "../../text.ts";
import { Delta, INPUT_DELTA, TEXT_DELTA, THINKING_DELTA } from "./delta.ts";

const event = (index: string, delta: string) => `{"type":"content_block_delta","index":${index},"delta":${delta}}`;

function scan(data: string): [number, number, string] | null {
  const bytes = encodeUtf8(`xx${data}}}`);
  const delta = new Delta();
  if (!delta.scan(bytes, 2, bytes.length - 2)) return null;
  return [delta.kind, delta.index, Buffer.from(bytes.slice(delta.start, delta.end)).toString()];
}

it.each<[string, [number, number, string]]>([
  [event("0", '{"type":"text_delta","text":"A\\"é"}'), [TEXT_DELTA, 0, 'A\\"é']],
  [event("12", '{"type":"thinking_delta","thinking":""}'), [THINKING_DELTA, 12, ""]],
  [
    `${event("999999", '{"type":"input_json_delta","partial_json":"{}"} ').slice(0, -1)} }  `,
    [INPUT_DELTA, 999999, "{}"],
  ],
])("the usual spelling is read without a parse: %s", (data, expected) => {
  expect(scan(data)).toEqual(expected);
});

it.each([
  "",
  '{"type":"content_block_delta","index":',
  event("", '{"type":"text_delta","text":"A"}'),
  event("1000000", '{"type":"text_delta","text":"A"}'),
  event("-1", '{"type":"text_delta","text":"A"}'),
  event("0", '{"type":"text_delta","text":"A"'),
  event("0", '{"type":"text_delta","text":"A"}').slice(0, -1),
  event("0", '{"type":"text_delta","text":"A"}}'),
  event("0", '{"type":"text_delta","text":"A","more":1}'),
  event("0", '{"type":"text_delta","text":"A\\'),
  event("0", '{"type":"text_delta","text":"A\n"}'),
  event("0", '{"type":"signature_delta","signature":"A"}'),
  `${event("0", '{"type":"text_delta","text":"A"}')}x`,
  event("0", '{"text":"A","type":"text_delta"}'),
])("another takes the long way: %s", (data) => {
  expect(scan(data)).toBeNull();
});
