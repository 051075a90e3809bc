import { ByteWriter } from "./byte-writer.ts";

/** More digits than these change no float32, and as many fit a float64 exactly. */
const MOST_DIGITS: i32 = 15;
/** Powers of ten up to this are exact in a float64. */
const EXACT_POWER: i32 = 22;
/** Exponents of ten beyond this are zero or infinite in any case. */
const FAR: i32 = 400;
const INFINITE: i32 = 0x7f800000;

/**
 * Writes the checked JSON number `bytes[start, end)` as a float32, lowest byte first. Made of exact float64 steps alone, as
 * the two targets read decimal numbers with different care.
 */
export function writeFloat32(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
  let at = start;
  const negative = at < end && (bytes[at] as i32) === 0x2d;
  if (negative) at++;
  let mantissa: f64 = 0;
  let digits: i32 = 0;
  let exponent: i32 = 0;
  let fraction = false;
  for (; at < end; at++) {
    const c = bytes[at] as i32;
    if (c === 0x2e) fraction = true;
    else if (c < 48 || c > 57) break;
    else if (digits < MOST_DIGITS) {
      if (digits > 0 || c !== 48) digits++;
      mantissa = mantissa * 10 + ((c - 48) as f64);
      if (fraction) exponent--;
    } else if (!fraction) exponent++;
  }
  exponent += readExponent(bytes, at, end);
  out.word(bitsOf(scaled(mantissa, exponent)) | (negative ? 1 << 31 : 0));
}

/** The number after an `e`, bounded. */
function readExponent(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from + 1;
  if (at >= end) return 0;
  const sign = bytes[at] as i32;
  if (sign === 0x2d || sign === 0x2b) at++;
  let value: i32 = 0;
  for (; at < end; at++) {
    const c = bytes[at] as i32;
    if (value < FAR) value = value * 10 + (c - 48);
  }
  return sign === 0x2d ? -value : value;
}

/** `value` times ten to the power of `exponent`. */
function scaled(value: f64, exponent: i32): f64 {
  let result = value;
  let rest: i32 = exponent < 0 ? -exponent : exponent;
  if (rest > FAR) rest = FAR;
  while (rest > 0) {
    const step = rest < EXACT_POWER ? rest : EXACT_POWER;
    let power: f64 = 1;
    for (let i: i32 = 0; i < step; i++) power *= 10;
    if (exponent < 0) result /= power;
    else result *= power;
    rest -= step;
  }
  return result;
}

/** The bits of the float32 that is nearest to `value`, which is not negative. */
function bitsOf(value: f64): i32 {
  if (value === 0) return 0;
  let exponent: i32 = 0;
  let scaledValue = value;
  while (scaledValue >= 2 && exponent < 128) {
    scaledValue *= 0.5;
    exponent++;
  }
  if (exponent > 127) return INFINITE;
  while (scaledValue < 1 && exponent > -126) {
    scaledValue *= 2;
    exponent--;
  }
  // 23 bits stand behind the leading one, which is not written; without one (subnormal) the exponent's field is 0.
  const rounded = roundHalfEven(scaledValue * 8388608);
  const normal = rounded >= 8388608;
  return normal ? ((exponent + 127) << 23) + (rounded - 8388608) : rounded;
}

function roundHalfEven(value: f64): i32 {
  const below = Math.floor(value);
  const rest = value - below;
  const whole = below as i32;
  if (rest > 0.5 || (rest === 0.5 && (whole & 1) === 1)) return whole + 1;
  return whole;
}
