import { describe, expect, it } from "vitest";
import { baseUrlProblem } from "./base-url.ts";

describe("base URLs", () => {
  it.each([
    "https://api.openai.com/v1",
    "http://127.0.0.1:8000/v1",
    "http://localhost:11434",
    "http://[::1]:8080/",
    "http://10.1.2.3/v1?api-version=1",
    "http://192.168.0.5",
    "http://168.63.129.17",
    "https://metadata.example.com",
  ])("allows %s", (url) => {
    expect(baseUrlProblem(url)).toBeNull();
  });

  it.each([
    "http://169.254.169.254/latest",
    "http://169.254.0.1",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.254.169.254./",
    "http://１６９.254.169.254/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[fe80::1]/",
    "http://[febf::1]:80/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://168.63.129.16/",
    "http://metadata.google.internal/",
    "http://METADATA.google.INTERNAL./computeMetadata",
  ])("refuses the link-local or metadata address %s", (url) => {
    expect(baseUrlProblem(url)).toBe("must not be a link-local or cloud metadata address");
  });

  it.each([
    "",
    "api.openai.com",
    "file:///etc/passwd",
    "javascript:1",
    "https://",
    "https://u:p@x",
    "https://x/#a",
    "https://x/a b",
    "https://x\\y",
  ])("refuses %j", (url) => {
    expect(baseUrlProblem(url)).not.toBeNull();
  });
});
