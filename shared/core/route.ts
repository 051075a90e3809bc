import { Rates } from "./admission/price.ts";
import { Capabilities, UNTOLD } from "./capabilities.ts";
import { Random } from "./random.ts";

/** A model has no more orders than these: the control service keeps a cluster for each in every Envoy. */
export const MOST_ORDERS: i32 = 64;

const ORDER_CLUSTER: string = "oneapi-order:";
const PROVIDER_CLUSTER: string = "oneapi-provider:";

/** A provider and one of its models that can serve the model of the route. */
export class RouteTarget {
  readonly provider: string;
  readonly model: string;
  /** Targets of a lower priority come before all of a higher one. */
  readonly priority: i32;
  /** How often this target comes first among those of its priority, in proportion: 0 to 10 000. */
  readonly weight: i32;
  /** Null when it has no price. */
  rates: Rates | null = null;
  /** How many credentials the provider has: with more than one, a retry may go to it again with another. */
  readonly credentials: i32;
  /** What the model accepts. */
  capabilities: Capabilities = UNTOLD;

  constructor(provider: string, model: string, priority: i32, weight: i32, credentials: i32 = 1) {
    this.provider = provider;
    this.model = model;
    this.priority = priority;
    this.weight = weight;
    this.credentials = credentials;
  }

  /** Whether all of its credentials may rest: a single one is tried nevertheless. */
  get isPooled(): boolean {
    return this.credentials > 1;
  }
}

/** The targets of one priority. */
class Group {
  /** Indexes into the route's targets, in configured order. */
  readonly members: Array<i32> = new Array<i32>();
  /** Places in `members` that may come first, and the weight of each. */
  readonly firsts: Array<i32> = new Array<i32>();
  readonly weights: Array<i32> = new Array<i32>();

  constructor(targets: Array<RouteTarget>, priority: i32) {
    let heaviest: i32 = 0;
    for (let i: i32 = 0; i < targets.length; i++) {
      const target = targets[i]!;
      if (target.priority !== priority) continue;
      this.members.push(i);
      if (target.weight > heaviest) heaviest = target.weight;
    }
    for (let i: i32 = 0; i < this.members.length; i++) {
      const weight = targets[this.members[i] as i32]!.weight;
      if (heaviest > 0 && weight <= 0) continue;
      this.firsts.push(i);
      this.weights.push(heaviest > 0 ? weight : 1);
    }
  }

  /** Lets only the first of those that may come first do so. */
  fix(): void {
    while (this.firsts.length > 1) {
      this.firsts.pop();
      this.weights.pop();
    }
  }

  /** An index into `firsts`, each as often as its weight says. */
  choose(random: Random): i32 {
    const last = this.weights.length - 1;
    if (last === 0) return 0;
    let total: i32 = 0;
    for (let i: i32 = 0; i <= last; i++) total += this.weights[i] as i32;
    let rest = random.below(total);
    for (let i: i32 = 0; i < last; i++) {
      rest -= this.weights[i] as i32;
      if (rest < 0) return i;
    }
    return last;
  }
}

/** The targets of a model without those that are disabled, and how many further attempts may follow the first. */
export class Route {
  readonly targets: Array<RouteTarget>;
  readonly retries: i32;
  /** By rising priority; those that no attempt reaches are left out. */
  readonly groups: Array<Group>;
  /** What `orders` answers. */
  readonly orders: Array<Array<i32>>;

  constructor(targets: Array<RouteTarget>, retries: i32) {
    const attempts: i32 = retries < targets.length ? 1 + retries : targets.length;
    const groups = collectGroups(targets, attempts);
    this.targets = targets;
    this.retries = retries;
    this.groups = groups;
    this.orders = collectOrders(groups, attempts);
    for (let i: i32 = 0; i < this.orders.length; i++) appendRepeats(this.orders[i]!, targets, 1 + retries);
    addDetours(this.orders, targets);
  }
}

/**
 * Every order in which the targets of `route` may be tried: lists of indexes into `targets`, no two the same, none longer
 * than 1 + `retries`. Priorities rise along a list. Within a priority any target may come first that has a weight (any at
 * all if none has one), and the others follow as configured, from the one behind it around. Should these be more than
 * `MOST_ORDERS`, only the foremost priorities vary and the others keep the configured order. Empty without targets.
 *
 * When attempts are left after all targets, those whose providers have further credentials follow again, once for each.
 * Behind these orders stand their detours (`detour`), as far as `MOST_ORDERS` leaves room.
 */
export function orders(route: Route): Array<Array<i32>> {
  return route.orders;
}

/**
 * The order that begins at `place` of `order` and goes around: for a first target that is better not tried now. It is
 * `order` itself when that is not one of `orders(route)`.
 */
export function detour(route: Route, order: Array<i32>, place: i32): Array<i32> {
  if (place === 0) return order;
  const at = placeOf(rotated(order, place), route.orders);
  return at < 0 ? order : route.orders[at]!;
}

/** One of `orders(route)`, no detour: who comes first in each priority is drawn by weight. Empty without targets. */
export function pick(route: Route, random: Random): Array<i32> {
  if (route.orders.length === 0) return new Array<i32>();
  let index: i32 = 0;
  for (let i: i32 = 0; i < route.groups.length; i++) {
    const group = route.groups[i]!;
    index = index * group.firsts.length + group.choose(random);
  }
  return route.orders[index]!;
}

/** The name of the cluster that tries the providers of `order`. */
export function orderName(route: Route, order: Array<i32>): string {
  const providers = new Array<string>();
  for (let i: i32 = 0; i < order.length; i++) providers.push(route.targets[order[i] as i32]!.provider);
  return ORDER_CLUSTER + providers.join(">");
}

/** The name of the provider's own cluster: every provider of an order has it, whether it is reached by the order's or not. */
export function providerCluster(provider: string): string {
  return PROVIDER_CLUSTER + provider;
}

/**
 * The names of the clusters inside that one, when it is an aggregate, one for each attempt. Envoy tries each cluster of an
 * aggregate once, so a provider that occurs again has another cluster with the same endpoints: `~2` for the second time,
 * and so on.
 */
export function clusterNames(route: Route, order: Array<i32>): Array<string> {
  const names = new Array<string>();
  for (let i: i32 = 0; i < order.length; i++) {
    const provider = route.targets[order[i] as i32]!.provider;
    let occurrence: i32 = 1;
    for (let earlier: i32 = 0; earlier < i; earlier++) {
      if (route.targets[order[earlier] as i32]!.provider === provider) occurrence++;
    }
    const name = providerCluster(provider);
    names.push(occurrence === 1 ? name : `${name}~${occurrence}`);
  }
  return names;
}

/** The groups that `attempts` reach. Those vary, from the first on, whose orders together stay within `MOST_ORDERS`. */
function collectGroups(targets: Array<RouteTarget>, attempts: i32): Array<Group> {
  const groups = new Array<Group>();
  let reached: i32 = 0;
  let variants: i32 = 1;
  let varies = true;
  let priority = lowestPriority(targets);
  while (reached < attempts) {
    const group = new Group(targets, priority);
    if (variants * group.firsts.length > MOST_ORDERS) varies = false;
    if (!varies) group.fix();
    variants *= group.firsts.length;
    groups.push(group);
    reached += group.members.length;
    priority = nextPriority(targets, priority);
  }
  return groups;
}

function lowestPriority(targets: Array<RouteTarget>): i32 {
  let lowest: i32 = 0x7fffffff;
  for (let i: i32 = 0; i < targets.length; i++) {
    if (targets[i]!.priority < lowest) lowest = targets[i]!.priority;
  }
  return lowest;
}

/** The lowest priority above `priority`. */
function nextPriority(targets: Array<RouteTarget>, priority: i32): i32 {
  let next: i32 = 0x7fffffff;
  for (let i: i32 = 0; i < targets.length; i++) {
    const other = targets[i]!.priority;
    if (other > priority && other < next) next = other;
  }
  return next;
}

/** All combinations of the groups' rotations, such that the choice in the last group changes fastest: `pick` counts so. */
function collectOrders(groups: Array<Group>, attempts: i32): Array<Array<i32>> {
  let found = new Array<Array<i32>>();
  for (let i: i32 = 0; i < groups.length; i++) {
    const group = groups[i]!;
    const extended = new Array<Array<i32>>();
    const before: i32 = i === 0 ? 1 : found.length;
    for (let j: i32 = 0; j < before; j++) {
      for (let k: i32 = 0; k < group.firsts.length; k++) {
        const order: Array<i32> = i === 0 ? new Array<i32>() : found[j]!.slice(0);
        appendRotated(order, group.members, group.firsts[k] as i32, attempts);
        extended.push(order);
      }
    }
    found = extended;
  }
  return found;
}

/** Adds further rounds over those targets that have a credential for each, as long as `order` is shorter than `attempts`. */
function appendRepeats(order: Array<i32>, targets: Array<RouteTarget>, attempts: i32): void {
  const once = order.length;
  if (once < targets.length) return;
  let round: i32 = 1;
  let any = true;
  while (any) {
    any = false;
    for (let i: i32 = 0; i < once && order.length < attempts; i++) {
      if (targets[order[i] as i32]!.credentials <= round) continue;
      order.push(order[i] as i32);
      any = true;
    }
    round++;
  }
}

/** Adds the orders that begin behind targets all of whose credentials may rest. */
function addDetours(orders: Array<Array<i32>>, targets: Array<RouteTarget>): void {
  const drawn = orders.length;
  for (let i: i32 = 0; i < drawn; i++) {
    const order = orders[i]!;
    for (let place: i32 = 1; place < order.length && targets[order[place - 1] as i32]!.isPooled; place++) {
      if (orders.length >= MOST_ORDERS) return;
      const found = rotated(order, place);
      if (placeOf(found, orders) < 0) orders.push(found);
    }
  }
}

function rotated(order: Array<i32>, first: i32): Array<i32> {
  const found = new Array<i32>();
  appendRotated(found, order, first, order.length);
  return found;
}

/** Where the same list stands in `lists`, or -1. */
function placeOf(order: Array<i32>, lists: Array<Array<i32>>): i32 {
  for (let i: i32 = 0; i < lists.length; i++) {
    const list = lists[i]!;
    let same = list.length === order.length;
    for (let j: i32 = 0; same && j < list.length; j++) same = list[j] === order[j];
    if (same) return i;
  }
  return -1;
}

/** Adds `members` from the place `first` around, as long as `order` is shorter than `attempts`. */
function appendRotated(order: Array<i32>, members: Array<i32>, first: i32, attempts: i32): void {
  for (let i: i32 = 0; i < members.length && order.length < attempts; i++) {
    order.push(members[(first + i) % members.length] as i32);
  }
}
