// The AssemblyScript names that the core uses, as the TypeScript compiler sees them.
type i8 = number;
type u8 = number;
type i32 = number;
type u32 = number;
type f64 = number;
type u64 = number;
type usize = number;
/** 0 in JavaScript, 1 in Wasm (AssemblyScript's own constant). */
declare const ASC_TARGET: i32;
declare function load<T>(at: usize): T;
declare function store<T>(at: usize, value: T): void;
declare function changetype<T>(value: unknown): T;
declare function ctz<T>(value: T): T;
declare namespace memory {
  function copy(target: usize, source: usize, size: usize): void;
  function compare(left: usize, right: usize, size: usize): i32;
}
interface v128 {
  readonly v128: never;
}
declare namespace v128 {
  function load(at: usize): v128;
  function or(left: v128, right: v128): v128;
  function any_true(value: v128): boolean;
}
declare namespace i8x16 {
  function splat(value: i32): v128;
  function eq(left: v128, right: v128): v128;
  function lt_u(left: v128, right: v128): v128;
  function bitmask(value: v128): i32;
  function narrow_i16x8_u(left: v128, right: v128): v128;
}
declare namespace i16x8 {
  function splat(value: i32): v128;
  function eq(left: v128, right: v128): v128;
  function lt_u(left: v128, right: v128): v128;
  function gt_u(left: v128, right: v128): v128;
}
declare namespace i64x2 {
  function extract_lane(value: v128, lane: i32): u64;
}
interface Uint8Array {
  /** Where the bytes lie in linear memory (Wasm only). */
  readonly dataStart: usize;
}
interface Int32Array {
  /** Where the words lie in linear memory (Wasm only). */
  readonly dataStart: usize;
}
interface StringConstructor {
  /** AssemblyScript's UTF-8 codec (Wasm only). */
  readonly UTF8: { decodeUnsafe(at: usize, size: usize): string };
}
/** JavaScript only: made once, by `target.ts`. */
declare const utf8Decoder: { decode(bytes: Uint8Array): string };
