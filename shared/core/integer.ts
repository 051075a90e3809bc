/**
 * `a` divided by `b`, rounded towards zero. It is the one place of the core that divides integers: a bare `/` truncates
 * in Wasm and not in JavaScript. `b` is above 0; anything else answers 0, as Wasm would trap.
 */
export function idiv(a: i32, b: i32): i32 {
  if (b <= 0) return 0;
  // biome-ignore lint/plugin: the truncation follows at once
  return (a / b) | 0;
}
