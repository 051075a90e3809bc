/** More bytes are needed. */
export const UNSURE: i32 = 0;
export const EVENTS: i32 = 1;
export const NO_EVENTS: i32 = 2;

/** The longest beginning that is looked at again with more bytes. */
const LONGEST_BEGINNING: i32 = 1024;

/** Whether the answer that begins with `bytes[0, length)` is a stream of events, whatever its label says. */
export function sniffEvents(bytes: Uint8Array, length: i32): i32 {
  let at: i32 = 0;
  if (length > 0 && (bytes[0] as i32) === 0xef) {
    if (length < 3) return UNSURE;
    if ((bytes[1] as i32) !== 0xbb || (bytes[2] as i32) !== 0xbf) return NO_EVENTS;
    at = 3;
  }
  while (at < length && ((bytes[at] as i32) === 10 || (bytes[at] as i32) === 13)) at++;
  if (at > LONGEST_BEGINNING) return NO_EVENTS;
  if (at === length) return UNSURE;
  if ((bytes[at] as i32) === 0x3a) return EVENTS;
  const data = matches(bytes, at, length, "data:");
  if (data !== NO_EVENTS) return data;
  const event = matches(bytes, at, length, "event:");
  if (event !== NO_EVENTS) return event;
  const id = matches(bytes, at, length, "id:");
  return id !== NO_EVENTS ? id : matches(bytes, at, length, "retry:");
}

function matches(bytes: Uint8Array, at: i32, length: i32, word: string): i32 {
  for (let i: i32 = 0; i < word.length; i++) {
    if (at + i === length) return UNSURE;
    if ((bytes[at + i] as i32) !== word.charCodeAt(i)) return NO_EVENTS;
  }
  return EVENTS;
}
