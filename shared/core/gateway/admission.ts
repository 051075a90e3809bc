import { tooLarge, used } from "../admission/denial.ts";
import { isUsedUp, Leases } from "../admission/leases.ts";
import { Limit, SPEND, TOKENS } from "../admission/limit.ts";
import { Reservation, Share } from "../admission/reservation.ts";
import { windowStart } from "../admission/window.ts";
import { controlUnavailable, modelNotPriced, Problem } from "../problem.ts";
import { Config } from "./config.ts";
import { Demand } from "./demand.ts";
import { Operation, READY, REFUSED, WAIT } from "./operation.ts";

/** An operation that waits asks again after so long, in case that a note was lost. */
const ASK_AGAIN_MS: f64 = 100;

/**
 * Whether operations may begin: every limit of key, user, project, model and provider has room for what the operation
 * may use, or it waits for the control service, or it is refused. Nothing is asked while leases hold enough.
 */
export class Admission {
  readonly leases: Leases = new Leases();
  /** Operations that were served without a lease, as the control service is lost and the project wants it so. */
  uncounted: i32 = 0;

  /**
   * READY, WAIT (ask again when the control service has answered, or at `reservation.until`) or REFUSED (`problem`).
   * `lost`: the control service does not answer.
   */
  decide(operation: Operation, config: Config, lost: boolean, now: f64): i32 {
    // A provider that has no room may have a neighbour that does: each order of targets begins with one of them.
    for (let tries: i32 = operation.model!.route.orders.length; tries >= 0; tries--) {
      let problem: Problem | null = null;
      if (operation.reservation == null) problem = this.prepare(operation, config);
      const outcome = problem == null ? this.take(operation, lost, now) : refuse(operation, problem);
      if (outcome !== REFUSED || !operation.refusedByProvider || !this.reroute(operation)) return outcome;
    }
    return REFUSED;
  }

  private take(operation: Operation, lost: boolean, now: f64): i32 {
    const reservation = operation.reservation;
    if (reservation == null || reservation.isTaken()) return READY;
    const leases = this.leases;
    const time = leases.time(now);
    const own = leases.areOwn(now);
    const share = reservation.lacking(time, own, false);
    if (share == null) {
      reservation.take(time);
      return READY;
    }
    if (lost || leases.unavailable) return this.withoutControl(operation, time);
    if (isUsedUp(share.limit, share.lease, time)) return this.deny(operation, reservation, share, time);
    if (!reservation.isWaiting()) {
      reservation.wait(leases, now + operation.key!.admissionWaitMs);
      operation.askedAt = now;
      return WAIT;
    }
    // The control service has given what there is. Nobody said that the answer would be as long as was asked for.
    if (leases.answered >= reservation.message && reservation.lacking(time, own, true) == null) {
      reservation.take(time);
      return READY;
    }
    const final = this.finalShare(reservation);
    if (final != null) return this.deny(operation, reservation, final, time);
    if (now >= reservation.until) {
      if (leases.answered < reservation.message) return this.withoutControl(operation, time);
      return this.deny(operation, reservation, share, time);
    }
    if (now - operation.askedAt >= ASK_AGAIN_MS) {
      operation.askedAt = now;
      reservation.ask(leases);
    }
    return WAIT;
  }

  /** The share that can be had no more, as the answer to a message said which told of the wait. */
  private finalShare(reservation: Reservation): Share | null {
    for (let i: i32 = 0; i < reservation.shares.length; i++) {
      const share = reservation.shares[i]!;
      const lease = share.lease;
      if (!lease.absent && lease.finalAt >= reservation.message && lease.idle() < share.least) return share;
    }
    return null;
  }

  private deny(operation: Operation, reservation: Reservation, share: Share, time: f64): i32 {
    operation.refusedByProvider = reservation.shares.indexOf(share) >= reservation.providerFrom;
    reservation.abandon();
    operation.limited = share.limit;
    return refuse(operation, used(share.limit, time, share.lease.start));
  }

  private withoutControl(operation: Operation, time: f64): i32 {
    const reservation = operation.reservation!;
    if (!operation.key!.failOpen) {
      reservation.abandon();
      return refuse(operation, controlUnavailable());
    }
    this.uncounted++;
    reservation.take(time);
    return READY;
  }

  /** Gathers the limits that bind the operation, with what it takes of each; the problem if one can never have room. */
  private prepare(operation: Operation, config: Config): Problem | null {
    operation.refusedByProvider = false;
    const key = operation.key!;
    const model = operation.model!;
    const reservation = new Reservation();
    let problem = this.addAll(reservation, key.limits, operation);
    if (problem == null && model.hasLimits()) {
      problem = this.addAll(reservation, model.limitsIn(key.project), operation);
    }
    reservation.providerFrom = reservation.shares.length;
    const provider = config.provider(model.route.targets[operation.order[0] as i32]!.provider);
    if (problem == null && provider != null && provider.limits.length > 0) {
      problem = this.addAll(reservation, provider.limits, operation);
      operation.refusedByProvider = problem != null;
    }
    if (reservation.shares.length > 0 && problem == null) operation.reservation = reservation;
    return problem;
  }

  private addAll(reservation: Reservation, limits: Array<Limit>, operation: Operation): Problem | null {
    for (let i: i32 = 0; i < limits.length; i++) {
      const limit = limits[i]!;
      let amount: f64 = 1;
      let least: f64 = 1;
      if (limit.metric === TOKENS || limit.metric === SPEND) {
        const demand = demandOf(operation);
        if (limit.metric === SPEND) {
          amount = mostSpend(operation, demand, demand.output);
          least = mostSpend(operation, demand, 1);
          if (amount < 0) {
            if (operation.key!.allowsUnpriced) continue;
            return modelNotPriced(operation.model!.name);
          }
        } else {
          amount = demand.prompt + demand.output;
          least = demand.prompt + 1;
        }
        if (demand.bounded) least = amount;
        else if (amount > limit.amount && least <= limit.amount) amount = limit.amount;
      }
      if (amount > limit.amount || limit.amount === 0) {
        operation.limited = limit;
        if (limit.amount > 0) return tooLarge(limit, amount);
        const time = this.leases.time(operation.startedAt);
        return used(limit, time, windowStart(limit.window, time));
      }
      reservation.add(limit, this.leases, amount, least);
    }
    return null;
  }

  /** Chooses an order that begins with a provider not tried yet; false when there is none. */
  private reroute(operation: Operation): boolean {
    const model = operation.model!;
    const targets = model.route.targets;
    operation.fullProviders.push(targets[operation.order[0] as i32]!.provider);
    for (let i: i32 = 0; i < model.route.orders.length; i++) {
      const order = model.route.orders[i]!;
      if (operation.fullProviders.includes(targets[order[0] as i32]!.provider)) continue;
      operation.order = order;
      operation.problem = null;
      operation.limited = null;
      operation.reservation = null;
      return true;
    }
    return false;
  }

  /** The attempt that begins is with another provider: takes that one's limits, if there is room at once. */
  next(operation: Operation, limits: Array<Limit>, now: f64): boolean {
    const reservation = operation.reservation;
    if (reservation != null) reservation.settle(reservation.providerFrom, 1, 0, 0);
    const previous = operation.furtherReservation;
    if (previous != null) previous.settle(0, 1, 0, 0);
    if (limits.length === 0) return true;
    const further = new Reservation();
    if (this.addAll(further, limits, operation) != null) return false;
    const time = this.leases.time(now);
    if (further.lacking(time, this.leases.areOwn(now), true) != null && !operation.key!.failOpen) return false;
    further.take(time);
    operation.furtherReservation = further;
    return true;
  }

  /** The operation is over: its shares are settled to what it used. */
  settle(operation: Operation, sent: boolean, tokens: f64, spend: f64): void {
    const requests: f64 = sent ? 1 : 0;
    const reservation = operation.reservation;
    if (reservation != null) {
      reservation.abandon();
      reservation.settle(0, requests, tokens, spend);
    }
    const further = operation.furtherReservation;
    if (further != null) further.settle(0, requests, tokens, spend);
  }
}

/** Of an operation, worked out once. */
function demandOf(operation: Operation): Demand {
  let demand = operation.demand;
  if (demand == null) {
    const targets = operation.model!.route.targets;
    demand = new Demand(operation.call!, targets[operation.order[0] as i32]!.capabilities);
    operation.demand = demand;
  }
  return demand;
}

/** The most that the dearest of the operation's targets may cost with so many output tokens, in nano-USD; -1: one has no price. */
function mostSpend(operation: Operation, demand: Demand, output: f64): f64 {
  const model = operation.model!;
  const targets = model.route.targets;
  let most: f64 = 0;
  for (let i: i32 = 0; i < operation.order.length; i++) {
    const rates = operation.key!.ratesOf(model.name, targets[operation.order[i] as i32]!.rates);
    if (rates == null) return -1;
    const spend = rates.most(demand.prompt, output, demand.images);
    if (spend > most) most = spend;
  }
  return most;
}

function refuse(operation: Operation, problem: Problem): i32 {
  operation.problem = problem;
  return REFUSED;
}
