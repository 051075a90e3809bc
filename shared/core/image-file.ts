import { writeBase64 } from "./base64.ts";
import { ByteWriter } from "./byte-writer.ts";
import { startsAscii } from "./bytes.ts";
import { FormPart } from "./multipart.ts";

/**
 * The type of an image that came as a file: as its sender told it in plain characters, or as its first bytes do; empty when
 * neither says.
 */
export function imageType(file: FormPart): string {
  if (file.type.startsWith("image/") && isPlain(file.type)) return file.type;
  const source = file.source;
  const start = file.start;
  const end = file.end;
  if (startsAscii(source, start + 1, end, "PNG\r\n")) return "image/png";
  if (startsAscii(source, start + 8, end, "WEBP")) return "image/webp";
  if (start + 2 < end && (source[start] as i32) === 0xff && (source[start + 1] as i32) === 0xd8) return "image/jpeg";
  return startsAscii(source, start, end, "GIF8") ? "image/gif" : "";
}

/** Whether the type may stand in a data URI and in JSON as it is: no parameters, no quotes. */
function isPlain(type: string): boolean {
  for (let i: i32 = 0; i < type.length; i++) {
    const c = type.charCodeAt(i);
    const letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57);
    if (!letter && c !== 0x2f && c !== 0x2b && c !== 0x2d && c !== 0x2e) return false;
  }
  return true;
}

/** Writes the file in base64. */
export function writeFile(file: FormPart, out: ByteWriter): void {
  writeBase64(file.source.subarray(file.start, file.end), file.end - file.start, out);
}
