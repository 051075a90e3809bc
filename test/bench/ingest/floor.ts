/**
 * The floor of record ingest: how fast this machine's PostgreSQL takes rows at all, from Node, without HTTP and without any
 * check. A narrow table with one unique id and one index, statements over arrays, two connections.
 *
 *   node floor.ts DATABASE_URL WARM_SECONDS SECONDS
 *
 * Prints `{"records", "seconds"}` of the seconds after the warm ones.
 */
import { randomUUID } from "node:crypto";
import pg from "pg";

const BATCH = 500;
const CONNECTIONS = 2;

/** What a minimal ledger would keep of an operation. */
const COLUMNS = {
  id: { type: "uuid", value: () => randomUUID() },
  at: { type: "timestamptz", value: () => new Date().toISOString() },
  project: { type: "int4", value: () => Math.floor(Math.random() * 20) },
  key: { type: "int4", value: () => Math.floor(Math.random() * 500) },
  model: { type: "text", value: () => "chat" },
  provider: { type: "text", value: () => "openai" },
  prompt_tokens: { type: "int4", value: () => 812 },
  completion_tokens: { type: "int4", value: () => 164 },
  cost: { type: "int8", value: () => 220_200 },
  latency_ms: { type: "int4", value: () => 1310 },
  status: { type: "int2", value: () => 200 },
};

const definitions = Object.entries(COLUMNS).map(([name, { type }]) => `${name} ${type} not null`);
const arrays = Object.values(COLUMNS).map(({ type }, index) => `$${index + 1}::${type}[]`);
const INSERT = `insert into ingest_floor select * from unnest(${arrays}) on conflict do nothing`;

const [url = "", warm = "1", seconds = "2"] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
await pool.query(`create table if not exists ingest_floor (${definitions}, primary key (id));
                  create index if not exists ingest_floor_key on ingest_floor (key, at)`);
const started = performance.now() + Number(warm) * 1000;
const end = started + Number(seconds) * 1000;
let records = 0;
await Promise.all(Array.from({ length: CONNECTIONS }, fill));
process.stdout.write(`${JSON.stringify({ records, seconds: (performance.now() - started) / 1000 })}\n`);
await pool.end();

async function fill(): Promise<void> {
  while (performance.now() < end) {
    const rows = Array.from({ length: BATCH }, () => Object.values(COLUMNS).map(({ value }) => value()));
    const values = arrays.map((_, column) => rows.map((row) => row[column]));
    const begun = performance.now();
    await pool.query({ name: "insert", text: INSERT, values });
    if (begun >= started) records += BATCH;
  }
}
