import { z } from "zod";

const NANO_DIGITS = 9;
/** Largest amount of USD whose nano-USD fit PostgreSQL's bigint with room to add. */
const LARGEST_USD = 4_000_000_000n;
/** A double keeps every decimal number of so many significant digits; more could be changed before we see them. */
const EXACT_DIGITS = 15;
const DECIMAL = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/;

const MESSAGE = `must be an amount of USD, 0 or more, with at most ${NANO_DIGITS} decimals`;

/** Reads a decimal amount of USD exactly as nano-USD (10⁻⁹ USD); null when it is none or finer than that. */
export function parseUsd(text: string): bigint | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const shift = NANO_DIGITS - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : null;
}

/** The nano-USD of an amount that {@link usdSchema} accepted. */
export function nanoUsd(amount: string): bigint {
  const nano = parseUsd(amount);
  if (nano === null) throw new RangeError(`not an amount of USD: ${amount}`);
  return nano;
}

/** Writes nano-USD as the shortest decimal of USD: 3750000000 is `3.75`. */
export function formatUsd(nano: bigint): string {
  const digits = nano.toString().padStart(NANO_DIGITS + 1, "0");
  const whole = digits.slice(0, -NANO_DIGITS);
  const fraction = digits.slice(-NANO_DIGITS).replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}

/**
 * An amount of USD, as a number or as text for more digits than a number holds. Its normal form is text: money is
 * never a float here, and a number is taken only where its shortest decimal is what was written.
 */
export const usdSchema = z
  .union([z.number(), z.string()], { error: MESSAGE })
  .transform((given, context) => {
    const text = String(given);
    const nano = parseUsd(text);
    const problem = (message: string) => {
      context.issues.push({ code: "custom", message, input: given });
      return z.NEVER;
    };
    if (nano === null) return problem(MESSAGE);
    if (nano > LARGEST_USD * 10n ** BigInt(NANO_DIGITS)) return problem(`must be at most ${LARGEST_USD} USD`);
    if (typeof given === "number" && text.replace(/[eE].*|\D/g, "").replace(/^0+/, "").length > EXACT_DIGITS) {
      return problem("has more digits than a number keeps: write it in quotes");
    }
    return formatUsd(nano);
  })
  .meta({ id: "usd", description: "USD, 0 or more, with at most 9 decimals" });
