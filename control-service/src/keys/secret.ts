import { createHash, randomBytes, randomInt } from "node:crypto";

const PREFIX = "sk-oa-";
const RANDOM_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FORM = new RegExp(`^${PREFIX}[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

/** A new secret in the form of docs/decisions/0003-key-format.md: 190 random bits and a checksum. */
export function makeSecret(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return PREFIX + random + checksum(PREFIX + random);
}

/** Gateways refuse what begins like this and is not {@link isMadeSecret} without asking. */
export function claimsToBeMade(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Says whether a text has the form and the checksum of a secret that this service makes. */
export function isMadeSecret(text: string): boolean {
  return FORM.test(text) && checksum(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/** The first 32 bits of the text's SHA-256 as six base-62 digits. */
function checksum(text: string): string {
  let rest = createHash("sha256").update(text).digest().readUInt32BE(0);
  let digits = "";
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = ALPHABET[rest % ALPHABET.length] + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

/** What is stored of a secret and what gateways ask by: its SHA-256 in hexadecimal. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** A new key's public id. */
export function makeKeyId(): string {
  return `key_${randomBytes(10).toString("hex")}`;
}
