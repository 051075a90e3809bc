// AssemblyScript defines ASC_TARGET by itself; JavaScript gets it here, before any function of the core runs, and a decoder
// that is made once.
const host = globalThis as { ASC_TARGET?: number; utf8Decoder?: { decode(bytes: Uint8Array): string } };
host.ASC_TARGET ??= 0;
host.utf8Decoder ??= new (
  globalThis as unknown as { TextDecoder: new () => { decode(bytes: Uint8Array): string } }
).TextDecoder();
