const STAR: i32 = 0x2a;

/**
 * Whether `name` is what `pattern` says, in which each `*` stands for any run of characters, also none. Case counts.
 *
 * Only the latest `*` ever takes more: what an earlier one took is the shortest that fits, and a longer one could not
 * help. So there are at most as many steps as characters of the one times characters of the other.
 */
export function matches(pattern: string, name: string): boolean {
  let inPattern: i32 = 0;
  let inName: i32 = 0;
  let afterStar: i32 = -1;
  let starEnd: i32 = 0;
  while (inName < name.length) {
    const wanted: i32 = inPattern < pattern.length ? pattern.charCodeAt(inPattern) : -1;
    if (wanted === STAR) {
      inPattern++;
      afterStar = inPattern;
      starEnd = inName;
    } else if (wanted === name.charCodeAt(inName)) {
      inPattern++;
      inName++;
    } else if (afterStar >= 0) {
      starEnd++;
      inPattern = afterStar;
      inName = starEnd;
    } else return false;
  }
  while (inPattern < pattern.length && pattern.charCodeAt(inPattern) === STAR) inPattern++;
  return inPattern === pattern.length;
}
