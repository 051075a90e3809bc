/** MessagePack as Kong writes it: texts as the old raw type (no str 8), whole numbers as short as they go, others as doubles, bodies as bytes. */
export function encodeAsKong(value: unknown): Buffer {
  const parts: Buffer[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: unknown, parts: Buffer[]): void {
  if (value === null || value === undefined) parts.push(Buffer.of(0xc0));
  else if (typeof value === "boolean") parts.push(Buffer.of(value ? 0xc3 : 0xc2));
  else if (typeof value === "number") parts.push(writeNumber(value));
  else if (typeof value === "string") writeText(Buffer.from(value), parts);
  else if (value instanceof Uint8Array) writeBytes(Buffer.from(value), parts);
  else if (Array.isArray(value)) {
    parts.push(head(value.length, 0x90, 0xdc));
    for (const item of value) write(item, parts);
  } else {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    parts.push(head(members.length, 0x80, 0xde));
    for (const [name, member] of members) {
      write(name, parts);
      write(member, parts);
    }
  }
}

function head(count: number, short: number, long: number): Buffer {
  if (count < 16) return Buffer.of(short | count);
  if (count < 65_536) return Buffer.of(long, count >> 8, count & 255);
  const longest = Buffer.alloc(5, long + 1);
  longest.writeUInt32BE(count, 1);
  return longest;
}

function writeText(bytes: Buffer, parts: Buffer[]): void {
  if (bytes.length < 32) parts.push(Buffer.of(0xa0 | bytes.length));
  else if (bytes.length < 65_536) parts.push(Buffer.of(0xda, bytes.length >> 8, bytes.length & 255));
  else {
    const long = Buffer.alloc(5, 0xdb);
    long.writeUInt32BE(bytes.length, 1);
    parts.push(long);
  }
  parts.push(bytes);
}

function writeBytes(bytes: Buffer, parts: Buffer[]): void {
  if (bytes.length < 256) parts.push(Buffer.of(0xc4, bytes.length));
  else if (bytes.length < 65_536) parts.push(Buffer.of(0xc5, bytes.length >> 8, bytes.length & 255));
  else {
    const long = Buffer.alloc(5, 0xc6);
    long.writeUInt32BE(bytes.length, 1);
    parts.push(long);
  }
  parts.push(bytes);
}

function writeNumber(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 64) return double(value);
  if (value < 128) return Buffer.of(value);
  if (value < 256) return Buffer.of(0xcc, value);
  if (value < 65_536) return Buffer.of(0xcd, value >> 8, value & 255);
  const wide = Buffer.alloc(value < 2 ** 32 ? 5 : 9, 0);
  wide[0] = value < 2 ** 32 ? 0xce : 0xcf;
  if (value < 2 ** 32) wide.writeUInt32BE(value, 1);
  else wide.writeBigUInt64BE(BigInt(value), 1);
  return wide;
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}
