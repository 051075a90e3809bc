import "./target.ts";
import { expect, test } from "vitest";
import { redact } from "./redact.ts";

test.each([
  ["Incorrect API key provided: sk-proj-********9f3a.", "Incorrect API key provided: [redacted]."],
  ["bad key 'ab12***yz', try", "bad key '[redacted]', try"],
  [
    "Rate limit reached for gpt-4o in organization org-AbCdEf123456 on tokens per min (TPM)",
    "Rate limit reached for gpt-4o in organization [redacted] on tokens per min (TPM)",
  ],
  ["Project `proj_0123456789` is archived", "Project `[redacted]` is archived"],
  ["key=sk-0123456789abcdef", "key=[redacted]"],
])("%s", (text, clean) => expect(redact(text)).toBe(clean));

test.each(["", "The task-sk-1 of the re-org-anisation", "2 ** 3", "sk-", "an org-wide rule"])("%s stays", (text) =>
  expect(redact(text)).toBe(text),
);
