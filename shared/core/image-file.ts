import { writeBase64 } from "./base64.ts";
import { ByteWriter } from "./byte-writer.ts";
import { startsAscii } from "./bytes.ts";
import { FormPart } from "./multipart.ts";

/** The type of an image that came as a file: as its sender told it, or as its first bytes do; empty when neither says. */
export function imageType(file: FormPart): string {
  if (file.type.startsWith("image/")) return file.type;
  const source = file.source;
  const start = file.start;
  const end = file.end;
  if (startsAscii(source, start + 1, end, "PNG\r\n")) return "image/png";
  if (startsAscii(source, start + 8, end, "WEBP")) return "image/webp";
  if (start + 2 < end && (source[start] as i32) === 0xff && (source[start + 1] as i32) === 0xd8) return "image/jpeg";
  return startsAscii(source, start, end, "GIF8") ? "image/gif" : "";
}

/** Writes the file in base64. */
export function writeFile(file: FormPart, out: ByteWriter): void {
  writeBase64(file.source.subarray(file.start, file.end), file.end - file.start, out);
}
