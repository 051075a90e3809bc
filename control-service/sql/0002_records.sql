-- The ledger: one row per operation, the prices it was billed by, and what each gateway has delivered.

create table usage_records (
  id bigint generated always as identity primary key,
  operation_id text not null unique,
  created_at timestamptz not null,
  received_at timestamptz not null,
  gateway text not null,
  epoch text not null,
  sequence bigint not null,
  key_id text not null,
  project text not null,
  user_name text,
  endpoint text not null,
  stream boolean not null,
  requested_model text not null,
  served_model text,
  provider text,
  outcome text not null,
  prompt_tokens integer not null,
  cached_tokens integer not null,
  cache_write_tokens integer not null,
  completion_tokens integer not null,
  reasoning_tokens integer not null,
  images integer not null,
  -- json, not jsonb: kept as it came (jsonb refuses \u0000 and lone surrogates, which a provider may well send)
  raw_usage json,
  usage_source text not null,
  tokenizer text,
  attempts json not null,
  ttft_ms integer,
  latency_ms integer not null,
  -- prices.version, or 'unpriced' and then no cost
  price_version text not null,
  cost_nano_usd bigint
);
-- Lists are read newest first, (created_at, id) descending, of all records, of a project or of a key.
create index usage_records_created_at on usage_records (created_at, id);
create index usage_records_project on usage_records (project, created_at, id);
create index usage_records_key on usage_records (key_id, created_at, id);

-- Every price that a model ever had; `version` is a hash of the four rates, which are nano-USD per million tokens.
create table prices (
  model text not null,
  version text not null,
  input bigint not null,
  cached_input bigint not null,
  cache_write bigint not null,
  output bigint not null,
  -- the last time that a configuration with this price was loaded
  in_force_at timestamptz not null,
  primary key (model, version)
);
create index prices_version on prices (version);

-- Which sequence numbers of a gateway process are durable. One range from 1 means that nothing is missing.
create table gateway_sequences (
  node text not null,
  epoch text not null,
  received int8multirange not null,
  -- numbers that never came and were given up; they are in `received` too
  lost int8multirange not null default '{}',
  updated_at timestamptz not null,
  primary key (node, epoch)
);

-- Records that could not be understood. Kept for a person to look at, and acknowledged, so that they block no others.
create table rejected_records (
  id bigint generated always as identity primary key,
  received_at timestamptz not null,
  gateway text not null,
  epoch text not null,
  -- null when even that could not be read
  sequence bigint,
  reason text not null,
  record json not null,
  -- SHA-256 of the record's text: the same one delivered again is not kept twice
  digest text not null,
  unique (gateway, epoch, digest)
);
