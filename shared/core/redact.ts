const REDACTED: string = "[redacted]";
/** A key, an organisation and a project of OpenAI's are longer. */
const SHORTEST: i32 = 10;

/**
 * The text without words that are a credential, a masked part of one (`sk-pr***9f3a`), or the name of the account behind it:
 * providers put these into the messages of errors, and they are the gateway's own.
 */
export function redact(text: string): string {
  if (!text.includes("sk-") && !text.includes("***") && !text.includes("org-") && !text.includes("proj_")) return text;
  const pieces = new Array<string>();
  let from: i32 = 0;
  let at: i32 = 0;
  while (at < text.length) {
    if (isBetweenWords(text.charCodeAt(at))) {
      at++;
      continue;
    }
    let end = at + 1;
    while (end < text.length && !isBetweenWords(text.charCodeAt(end))) end++;
    if (isSecret(text.substring(at, end))) {
      // A full stop after the word is no part of it.
      if (text.charCodeAt(end - 1) === 0x2e) end--;
      pieces.push(text.substring(from, at));
      pieces.push(REDACTED);
      from = end;
    }
    at = end;
  }
  pieces.push(text.substring(from));
  return pieces.join("");
}

function isSecret(word: string): boolean {
  if (word.includes("***")) return true;
  return word.length >= SHORTEST && (word.startsWith("sk-") || word.startsWith("org-") || word.startsWith("proj_"));
}

/** White space, and what stands around a word: quotes, brackets, commas, colons, equals signs. */
function isBetweenWords(c: i32): boolean {
  if (c <= 0x20 || c === 0x22 || c === 0x27 || c === 0x60) return true;
  return c === 0x28 || c === 0x29 || c === 0x2c || c === 0x3a || c === 0x3b || c === 0x3d || c === 0x5b || c === 0x5d;
}
