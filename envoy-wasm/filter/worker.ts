import { ByteWriter } from "../../shared/core/byte-writer";
import { Gateway } from "../../shared/core/gateway/gateway";
import { Operation } from "../../shared/core/gateway/operation";
import { rateHeaders } from "../../shared/core/gateway/rate-headers";
import { HeaderMapWriter } from "../sdk/headers";
import { currentTime, randomHex, randomInt } from "../sdk/host";

/**
 * The header that tells an upstream filter which operation it serves: the operation's id, which is put in the place of
 * whatever the client sent. All attempts of an operation share one map of headers, so it must stay in it.
 */
export const ID_HEADER: string = "x-request-id";
/** The header that the route reads its cluster from. */
export const CLUSTER_HEADER: string = "x-oneapi-cluster";

/**
 * What all filters of one worker share: they live in one VM, so the upstream filter sees the very objects that the
 * downstream filter made.
 */
export class Worker {
  /** Random, new with every start of the VM. */
  readonly epoch: string;
  readonly gateway: Gateway;
  /** Operations under way, by their number. */
  private readonly operations: Map<i32, Operation> = new Map<i32, Operation>();

  constructor(gateway: Gateway, epoch: string) {
    this.gateway = gateway;
    this.epoch = epoch;
  }

  admit(operation: Operation): void {
    this.operations.set(operation.number, operation);
  }

  /** The operation of this number, or null. */
  operation(number: i32): Operation | null {
    return this.operations.has(number) ? this.operations.get(number) : null;
  }

  release(operation: Operation): void {
    this.operations.delete(operation.number);
  }

  get active(): i32 {
    return this.operations.size;
  }
}

let shared: Worker | null = null;

/** The worker of this VM. */
export function worker(): Worker {
  let found = shared;
  if (found == null) {
    const epoch = randomHex(8);
    found = new Worker(new Gateway(epoch, randomInt()), epoch);
    shared = found;
  }
  return found;
}

let latest: f64 = 0;

/** Unix time in milliseconds. A call of the host: for moments that records tell of. */
export function now(): f64 {
  latest = currentTime();
  return latest;
}

/** The time that was last asked for; the worker's clock asks every few milliseconds. */
export function lately(): f64 {
  return latest;
}

/** Written anew by whoever needs them; nobody keeps them over a call of the host's. */
export const headersOut: HeaderMapWriter = new HeaderMapWriter();
export const bodyOut: ByteWriter = new ByteWriter(16 * 1024);

/** Adds what the client is told of its limits to `headersOut`; false when nothing is. */
export function addRateHeaders(operation: Operation): bool {
  if (operation.reservation == null && operation.limited == null) return false;
  const told = rateHeaders(operation, worker().gateway.admission.leases.time(latest));
  for (let i = 0; i + 1 < told.length; i += 2) headersOut.add(told[i], told[i + 1]);
  return told.length > 0;
}

/** A peak of one large answer is not kept for ever. */
const LARGEST_IDLE: i32 = 1024 * 1024;

export function clearBody(): ByteWriter {
  if (bodyOut.bytes.length > LARGEST_IDLE) bodyOut.shrink(16 * 1024);
  return bodyOut.clear();
}
