/**
 * The form of a spool's file: a line that says what it is, then a line for each record, its checksum before it. What tears or
 * damages a line thus costs that record alone, and is seen.
 *
 *     oneapi-spool 1 kong-1 5f3a9c0d1e2b4a68
 *     0c9f5a3e {"sequence":1,"operation_id":…}
 */
import { crc32 } from "node:zlib";

const KIND = "oneapi-spool";
const VERSION = "1";
const LINE_END = 0x0a;
const SPACE = 0x20;
/** Of the checksum in hexadecimal, and what parts it from the record. */
const DIGITS = 8;
const START = DIGITS + 1;

/** The first line: whose records these are. Neither name has a space. */
export function headLine(node: string, epoch: string): Buffer {
  return Buffer.from(`${KIND} ${VERSION} ${node} ${epoch}\n`);
}

export function recordLine(record: Uint8Array): Buffer {
  const line = Buffer.allocUnsafe(START + record.length + 1);
  line.set(record, START);
  const end = line.length - 1;
  line[end] = LINE_END;
  // A provider may write its usage over several lines; in JSON a line end means no more than a space.
  for (let at = line.indexOf(LINE_END, START); at < end; at = line.indexOf(LINE_END, at + 1)) line[at] = SPACE;
  line.write(checksum(line.subarray(START, end)), 0, "latin1");
  line[DIGITS] = SPACE;
  return line;
}

export interface Content {
  /** The version of the form, if it is another than this one; nothing else is read then. */
  foreign: string | null;
  /** Null when the first line is damaged. */
  node: string | null;
  /** As JSON, in their order; null where the line is not what was written. */
  records: (Buffer | null)[];
  /** The last line has no end: its writer died while it wrote. */
  torn: boolean;
}

export function readLines(bytes: Buffer): Content {
  const content: Content = { foreign: null, node: null, records: [], torn: false };
  let start = 0;
  for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
    const line = bytes.subarray(start, end);
    if (start > 0) content.records.push(readRecord(line));
    else readHead(line.toString("latin1"), content);
    if (content.foreign !== null) return content;
    start = end + 1;
  }
  if (start < bytes.length) content.torn = true;
  return content;
}

function readHead(line: string, content: Content): void {
  const [kind, version = "", node = ""] = line.split(" ");
  if (kind !== KIND || node === "") return;
  if (version === VERSION) content.node = node;
  else content.foreign = version;
}

function readRecord(line: Buffer): Buffer | null {
  const record = line.subarray(START);
  return line.toString("latin1", 0, DIGITS) === checksum(record) ? record : null;
}

function checksum(record: Buffer): string {
  return crc32(record).toString(16).padStart(DIGITS, "0");
}
