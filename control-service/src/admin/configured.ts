import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import { z } from "zod";
import { storedReference } from "../config/stored-state.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { lockRevision, logKeyChanges, nextRevision } from "../store/revisions.ts";
import type { Tables, TargetsTable } from "../store/tables.ts";
import { checkIfMatch, pageOf, pageQuery, parseBody, parseQuery, readCursor, setEtag } from "./conventions.ts";

type Section = "providers" | "models" | "projects" | "users";

/** How each section's path holds a name: models may have slashes in theirs. */
const NAME_PATHS: Readonly<Record<Section, string>> = {
  providers: "/providers/:name",
  models: "/models/*",
  projects: "/projects/:name",
  users: "/users/:name",
};

const listQuery = z.strictObject(pageQuery);
const switchBody = z.strictObject(
  { disabled: z.boolean({ error: "must be true or false" }) },
  { error: 'must be {"disabled": true} or {"disabled": false}' },
);

/** Reads of what is configured, and the switch that disables it. */
export async function configuredRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  for (const section of Object.keys(NAME_PATHS) as Section[]) {
    app.get(`/${section}`, async (request) => {
      const { cursor, limit } = parseQuery(listQuery, request.query);
      const rows = await readRows(services.database.query, section, { after: readCursor(cursor), limit: limit + 1 });
      return pageOf(rows, limit, present, (row) => row.name);
    });

    app.get(NAME_PATHS[section], async (request, reply) => {
      return answer(reply, await readRow(services.database.query, section, nameIn(request)));
    });

    app.patch(NAME_PATHS[section], async (request, reply) => {
      const name = nameIn(request);
      const { disabled } = parseBody(switchBody, request.body);
      const row = await services.database.query.transaction().execute(async (transaction) => {
        await lockRevision(transaction, "config");
        const before = await readRow(transaction, section, name);
        checkIfMatch(request, before.revision);
        if (before.disabled === disabled) return before;
        await setDisabled(transaction, services, section, name, disabled);
        return readRow(transaction, section, name);
      });
      return answer(reply, row);
    });
  }
}

function nameIn(request: FastifyRequest): string {
  const { name, "*": rest } = request.params as { name?: string; "*"?: string };
  return name ?? rest ?? "";
}

interface Row {
  readonly name: string;
  readonly settings: object;
  readonly credentials?: readonly string[];
  readonly targets?: readonly object[];
  readonly disabled: boolean;
  readonly origin: string;
  readonly revision: bigint;
  readonly updated_at: Date;
}

function present({ name, settings, credentials, targets, disabled, origin, updated_at }: Row) {
  return { name, ...settings, credentials, targets, disabled, origin, updated_at };
}

function answer(reply: FastifyReply, row: Row) {
  setEtag(reply, row.revision);
  return present(row);
}

async function readRow(database: Kysely<Tables>, section: Section, name: string): Promise<Row> {
  const [row] = await readRows(database, section, { name, limit: 1 });
  if (!row) throw new Problem(404, `there is no ${section.slice(0, -1)} ${JSON.stringify(name)}`);
  return row;
}

/** Names are compared byte by byte, so that every database pages in the same order. */
async function readRows(
  database: Kysely<Tables>,
  section: Section,
  { name, after = null, limit }: { name?: string; after?: string | null; limit: number },
): Promise<Row[]> {
  const rows = await database
    .selectFrom(section as "projects")
    .select(["name", "settings", "disabled", "origin", "revision", "updated_at"])
    .$if(name !== undefined, (query) => query.where("name", "=", name as string))
    .$if(after !== null, (query) => query.where(sql`name collate "C"`, ">", after))
    .orderBy(sql`name collate "C"`)
    .limit(limit)
    .execute();
  const names = rows.map((row) => row.name);
  if (section === "providers") return withCredentials(database, rows, names);
  if (section === "models") return withTargets(database, rows, names);
  return rows;
}

async function withCredentials(database: Kysely<Tables>, rows: Row[], names: string[]): Promise<Row[]> {
  const pools = await database
    .selectFrom("providers")
    .select(["name", "credentials"])
    .where("name", "=", sql<string>`any(${names}::text[])`)
    .execute();
  const shown = new Map(
    pools.map((pool) => [pool.name, pool.credentials.map(({ id, reference }) => reference ?? storedReference(id))]),
  );
  return rows.map((row) => ({ ...row, credentials: shown.get(row.name) ?? [] }));
}

async function withTargets(database: Kysely<Tables>, rows: Row[], names: string[]): Promise<Row[]> {
  const targets = await database
    .selectFrom("targets")
    .selectAll()
    .where("model", "=", sql<string>`any(${names}::text[])`)
    .orderBy("position")
    .execute();
  const ofModel = Map.groupBy(targets, (target) => target.model);
  return rows.map((row) => ({ ...row, targets: (ofModel.get(row.name) ?? []).map(presentTarget) }));
}

function presentTarget({ provider, upstream_model, priority, weight, capabilities }: Selectable<TargetsTable>) {
  return { provider, model: upstream_model, priority, weight, ...(capabilities !== null && { capabilities }) };
}

/** Gateways hold providers and models with the configuration, but projects and users only with the keys. */
async function setDisabled(
  transaction: Transaction<Tables>,
  services: Services,
  section: Section,
  name: string,
  disabled: boolean,
): Promise<void> {
  const revision = await nextRevision(transaction, "config");
  await transaction
    .updateTable(section as "projects")
    .set({ disabled, revision, updated_at: new Date(services.clock.now()) })
    .where("name", "=", name)
    .execute();
  if (section !== "projects" && section !== "users") return;
  const owned = await transaction
    .selectFrom("keys")
    .select("hash")
    .where(section === "projects" ? "project" : "user_name", "=", name)
    .where("revoked_at", "is", null)
    .execute();
  const hashes = owned.map((row) => row.hash);
  await logKeyChanges(transaction, await nextRevision(transaction, "keys"), hashes);
}
