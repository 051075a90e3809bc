import { createHmac } from "node:crypto";
import {
  capabilitiesOf,
  type GatewayConfig,
  type GatewayLimit,
  type GatewayModel,
  type GatewayProvider,
  type ModelSettings,
  milliseconds,
  type ProviderSettings,
  parseCounterId,
} from "@oneapi/contract";
import { clusterNames, orderName, orders, Route, RouteTarget } from "@oneapi/core";
import type { Selectable } from "kysely";
import { credentialPlace } from "../config/state.ts";
import type { PriceList } from "../ledger/price-book.ts";
import { listPriceOf, priceOf } from "../ledger/pricing.ts";
import { withEntries } from "../limits/balances.ts";
import { gatewayLimits } from "../limits/gateway-limits.ts";
import type { Services } from "../services.ts";
import type { Tables } from "../store/tables.ts";
import type { ProviderEndpoint, ProviderOrder } from "../xds/clusters.ts";
import { gatewayRates } from "./rates.ts";

/** The configuration at one moment, in every form that gateways and the ledger need. Never changed once made. */
export interface Snapshot {
  readonly config: GatewayConfig;
  /** The text of `config`, made once for all answers. */
  readonly json: string;
  readonly endpoints: ReadonlyMap<string, ProviderEndpoint>;
  /** By the name of the order's cluster. */
  readonly orders: ReadonlyMap<string, ProviderOrder>;
  readonly prices: PriceList;
}

/** Reads the configuration as it is now. */
export async function readSnapshot(services: Services): Promise<Snapshot> {
  // One transaction at this level sees one moment, so that no target names a provider that is not read.
  const rows = await services.database.query
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (transaction) => ({
      providers: await transaction
        .selectFrom("providers")
        .select(["name", "settings", "credentials", "disabled"])
        .orderBy("position")
        .orderBy("name")
        .execute(),
      models: await transaction
        .selectFrom("models")
        .select(["name", "settings", "disabled"])
        .orderBy("position")
        .orderBy("name")
        .execute(),
      targets: await transaction.selectFrom("targets").selectAll().orderBy("model").orderBy("position").execute(),
      projects: await transaction.selectFrom("projects").select(["name", "settings"]).execute(),
    }));
  const limits = await withEntries(
    services.database.query,
    rows.providers.flatMap(({ name, settings }) => [...gatewayLimits("provider", name, settings.limits).values()]),
  );
  const providers = rows.providers.map(({ name, settings, credentials, disabled }) =>
    gatewayProvider(
      name,
      settings,
      credentials.map(({ sealed }) => services.vault.open(sealed, credentialPlace(name))),
      limits.filter(({ id }) => parseCounterId(id)?.name === name),
      disabled,
    ),
  );
  const targets = Map.groupBy(rows.targets, ({ model }) => model);
  const settingsOf = new Map(rows.providers.map(({ name, settings }) => [name, settings]));
  const models = rows.models.map(({ name, settings, disabled }) =>
    gatewayModel(name, settings, targets.get(name) ?? [], settingsOf, disabled),
  );
  // Keyed, so that the version, which metrics show, says nothing of the credentials that it covers.
  const version = createHmac("sha256", services.gatewayToken)
    .update(JSON.stringify([providers, models]))
    .digest("hex")
    .slice(0, 16);
  const config: GatewayConfig = { version, providers, models };
  return {
    config,
    json: JSON.stringify(config),
    endpoints: new Map(rows.providers.map(({ name, settings }) => [name, providerEndpoint(name, settings)])),
    orders: providerOrders(config),
    prices: {
      models: rows.models.map(({ name, settings }) => ({
        name,
        price: settings.price,
        targets: (targets.get(name) ?? []).map(({ provider, upstream_model: model }) => {
          return { provider, model, price: listPriceOf((settingsOf.get(provider) as ProviderSettings).kind, model) };
        }),
      })),
      // Projects that were stored before they could have prices have none.
      projects: rows.projects.map(({ name, settings }) => ({ name, prices: settings.prices ?? [] })),
    },
  };
}

function gatewayProvider(
  name: string,
  settings: ProviderSettings,
  credentials: string[],
  limits: GatewayLimit[],
  disabled: boolean,
): GatewayProvider {
  const url = new URL(settings.base_url);
  return {
    name,
    kind: settings.kind,
    authority: url.host,
    tls: url.protocol === "https:",
    path: url.pathname.replace(/\/+$/, ""),
    query: url.search.replace(/^\?/, ""),
    credentials,
    timeouts: {
      connect_ms: milliseconds(settings.timeouts.connect),
      first_token_ms: milliseconds(settings.timeouts.first_token),
      idle_ms: milliseconds(settings.timeouts.idle),
      total_ms: milliseconds(settings.timeouts.total),
    },
    options: settings.options,
    limits,
    disabled,
  };
}

function gatewayModel(
  name: string,
  settings: ModelSettings,
  targets: readonly Selectable<Tables["targets"]>[],
  providers: ReadonlyMap<string, ProviderSettings>,
  disabled: boolean,
): GatewayModel {
  const own = settings.price && priceOf(settings.price);
  return {
    name,
    targets: targets.map(({ provider, upstream_model, priority, weight, capabilities }) => {
      const kind = providers.get(provider) as ProviderSettings;
      const known = capabilitiesOf(kind.kind, upstream_model, kind.capabilities, capabilities ?? undefined);
      const price = own ?? listPriceOf(kind.kind, upstream_model);
      return {
        ...{ provider, model: upstream_model, priority, weight },
        ...(known !== undefined && { capabilities: known }),
        ...(price !== undefined && { rates: gatewayRates(price.rates) }),
      };
    }),
    retries: settings.retries,
    unsupported: settings.unsupported,
    // Each project counts for itself, so gateways make the ids.
    limits: [...gatewayLimits("model", name, settings.limits).values()].map(({ id: _, ...limit }) => limit),
    disabled,
  };
}

function providerEndpoint(name: string, settings: ProviderSettings): ProviderEndpoint {
  const url = new URL(settings.base_url);
  const tls = url.protocol === "https:";
  return {
    name,
    tls,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (tls ? 443 : 80),
    connectMs: milliseconds(settings.timeouts.connect),
  };
}

/** Every order in which a gateway may try the targets of a model that are not disabled. */
function providerOrders({ providers, models }: GatewayConfig): Map<string, ProviderOrder> {
  const disabled = new Set(providers.filter((provider) => provider.disabled).map(({ name }) => name));
  const pools = new Map(providers.map(({ name, credentials }) => [name, credentials.length]));
  const found = new Map<string, ProviderOrder>();
  for (const model of models) {
    const targets = model.targets.filter(({ provider }) => !disabled.has(provider));
    const route = new Route(
      targets.map(
        ({ provider, model, priority, weight }) =>
          new RouteTarget(provider, model, priority, weight, pools.get(provider)),
      ),
      model.retries,
    );
    for (const order of orders(route)) {
      const clusters = clusterNames(route, order);
      const attempts = order.map((target, attempt) => ({
        provider: targets[target]?.provider as string,
        cluster: clusters[attempt] as string,
      }));
      found.set(orderName(route, order), { name: orderName(route, order), attempts });
    }
  }
  return found;
}
