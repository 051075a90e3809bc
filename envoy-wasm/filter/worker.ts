import { ByteWriter } from "../../shared/core/byte-writer";
import { Gateway } from "../../shared/core/gateway/gateway";
import { Operation } from "../../shared/core/gateway/operation";
import { HeaderMapWriter } from "../sdk/headers";
import { currentTime, randomHex, randomInt } from "../sdk/host";

/** The header that tells an upstream filter which operation it serves. Never taken from a client, never sent to a provider. */
export const TICKET_HEADER: string = "x-oneapi-ticket";
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
  /** Operations under way, by the ticket that their upstream request carries. */
  private readonly operations: Map<i32, Operation> = new Map<i32, Operation>();
  private tickets: i32 = 0;

  constructor(gateway: Gateway, epoch: string) {
    this.gateway = gateway;
    this.epoch = epoch;
  }

  /** A ticket for the operation; it must be given back. */
  admit(operation: Operation): i32 {
    this.tickets = this.tickets == i32.MAX_VALUE ? 1 : this.tickets + 1;
    this.operations.set(this.tickets, operation);
    return this.tickets;
  }

  operation(ticket: i32): Operation | null {
    return this.operations.has(ticket) ? this.operations.get(ticket) : null;
  }

  release(ticket: i32): void {
    this.operations.delete(ticket);
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

/** Unix time in milliseconds. */
export function now(): f64 {
  return currentTime();
}

/** Written anew by whoever needs them; nobody keeps them over a call of the host's. */
export const headersOut: HeaderMapWriter = new HeaderMapWriter();
export const bodyOut: ByteWriter = new ByteWriter(16 * 1024);

/** A peak of one large answer is not kept for ever. */
const LARGEST_IDLE: i32 = 1024 * 1024;

export function clearBody(): ByteWriter {
  if (bodyOut.bytes.length > LARGEST_IDLE) bodyOut.shrink(16 * 1024);
  return bodyOut.clear();
}
