/** SHA-256 (FIPS 180-4). One call at a time: the working memory is the module's, so a call allocates its answer only. */
import { asciiText, putByte, putWord, wordAt } from "./bytes.ts";

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUND_CONSTANTS: Int32Array = words(
  "428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5d807aa9812835b01243185be550c7dc372be5d7480deb1fe9bdc06a7c19bf174" +
    "e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca635114292967" +
    "27b70a852e1b21384d2c6dfc53380d13650a7354766a0abb81c2c92e92722c85a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070" +
    "19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3748f82ee78a5636f84c878148cc7020890befffaa4506cebbef9a3f7c67178f2",
);

/** The same of the square roots of the first 8 primes. */
const INITIAL_STATE: Int32Array = words("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");

const schedule: Int32Array = new Int32Array(64);
const state: Int32Array = new Int32Array(8);
const digits: Uint8Array = new Uint8Array(64);

/** The SHA-256 of `bytes[start, end)` as 64 lower-case hex digits. */
export function sha256Hex(bytes: Uint8Array, start: i32, end: i32): string {
  digest(bytes, start, end);
  for (let i: i32 = 0; i < 64; i++) {
    const digit = (wordAt(state, i >> 3) >>> (28 - ((i & 7) << 2))) & 15;
    putByte(digits, i, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
  return asciiText(digits, 0, 64);
}

/** The SHA-256 of `bytes[start, end)`: 32 bytes. */
export function sha256(bytes: Uint8Array, start: i32, end: i32): Uint8Array {
  digest(bytes, start, end);
  const hash = new Uint8Array(32);
  for (let i: i32 = 0; i < 32; i++) putByte(hash, i, (wordAt(state, i >> 2) >>> (24 - ((i & 3) << 3))) & 255);
  return hash;
}

/** The first four bytes of the SHA-256 of `bytes[start, end)`, big-endian. */
export function sha256Word(bytes: Uint8Array, start: i32, end: i32): i32 {
  digest(bytes, start, end);
  return wordAt(state, 0);
}

/** Leaves the hash of `bytes[start, end)` in `state`. */
function digest(bytes: Uint8Array, start: i32, end: i32): void {
  for (let i: i32 = 0; i < 8; i++) putWord(state, i, wordAt(INITIAL_STATE, i));
  let at = start;
  while (at + 64 <= end) {
    for (let i: i32 = 0; i < 16; i++) {
      putWord(
        schedule,
        i,
        ((bytes[at] as i32) << 24) |
          ((bytes[at + 1] as i32) << 16) |
          ((bytes[at + 2] as i32) << 8) |
          (bytes[at + 3] as i32),
      );
      at += 4;
    }
    compress();
  }
  closeLastBlock(bytes, at, end);
  const size = end - start;
  putWord(schedule, 14, size >>> 29);
  putWord(schedule, 15, size << 3);
  compress();
}

/** The bytes left over, a single 1 bit, and zeros: in one block if the size fits behind them, in two if not. */
function closeLastBlock(bytes: Uint8Array, start: i32, end: i32): void {
  for (let i: i32 = 0; i < 16; i++) putWord(schedule, i, 0);
  let at: i32 = 0;
  while (start + at < end) {
    put(at, bytes[start + at] as i32);
    at++;
  }
  put(at, 0x80);
  if (at < 56) return;
  compress();
  for (let i: i32 = 0; i < 16; i++) putWord(schedule, i, 0);
}

function put(at: i32, byte: i32): void {
  putWord(schedule, at >> 2, wordAt(schedule, at >> 2) | (byte << (24 - ((at & 3) << 3))));
}

/** Works the block in the first 16 words of `schedule` into `state`. */
function compress(): void {
  for (let i: i32 = 16; i < 64; i++) {
    const x = wordAt(schedule, i - 15);
    const y = wordAt(schedule, i - 2);
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    putWord(schedule, i, (wordAt(schedule, i - 16) + s0 + wordAt(schedule, i - 7) + s1) | 0);
  }
  let a = wordAt(state, 0);
  let b = wordAt(state, 1);
  let c = wordAt(state, 2);
  let d = wordAt(state, 3);
  let e = wordAt(state, 4);
  let f = wordAt(state, 5);
  let g = wordAt(state, 6);
  let h = wordAt(state, 7);
  for (let i: i32 = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = g ^ (e & (f ^ g));
    const t1 = (h + s1 + choice + wordAt(ROUND_CONSTANTS, i) + wordAt(schedule, i)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + s0 + majority) | 0;
  }
  putWord(state, 0, (wordAt(state, 0) + a) | 0);
  putWord(state, 1, (wordAt(state, 1) + b) | 0);
  putWord(state, 2, (wordAt(state, 2) + c) | 0);
  putWord(state, 3, (wordAt(state, 3) + d) | 0);
  putWord(state, 4, (wordAt(state, 4) + e) | 0);
  putWord(state, 5, (wordAt(state, 5) + f) | 0);
  putWord(state, 6, (wordAt(state, 6) + g) | 0);
  putWord(state, 7, (wordAt(state, 7) + h) | 0);
}

/** Eight hex digits a word. */
function words(hex: string): Int32Array {
  const result = new Int32Array(hex.length >> 3);
  for (let i: i32 = 0; i < hex.length; i++) {
    const c = hex.charCodeAt(i);
    result[i >> 3] = ((result[i >> 3] as i32) << 4) | (c <= 0x39 ? c - 0x30 : c - 0x57);
  }
  return result;
}
