-- What is configured, by oneapi.yaml (origin 'config') or by REST (origin 'rest').
-- `settings` holds a section of oneapi.yaml in its normal form (shared/contract); secrets are never in it.
-- `disabled` is the operator's switch: it is not part of oneapi.yaml, so it outlives an apply.
-- `revision` is the value of revisions('config'), for keys revisions('keys'), at the row's last change.

create table revisions (
  name text primary key,
  value bigint not null
);
insert into revisions (name, value) values ('config', 0), ('keys', 0);

create table service_settings (
  name text primary key,
  value text not null
);

create table providers (
  name text primary key,
  position integer not null,
  settings jsonb not null,
  -- [{"id", "reference": "${env:…}" or null, "sealed"}], opened with the place 'provider:NAME'
  credentials jsonb not null,
  disabled boolean not null default false,
  origin text not null check (origin in ('config', 'rest')),
  revision bigint not null,
  updated_at timestamptz not null
);

create table models (
  name text primary key,
  position integer not null,
  settings jsonb not null,
  disabled boolean not null default false,
  origin text not null check (origin in ('config', 'rest')),
  revision bigint not null,
  updated_at timestamptz not null
);

create table targets (
  model text not null references models (name) on delete cascade,
  position integer not null,
  provider text not null references providers (name),
  upstream_model text not null,
  priority integer not null,
  weight integer not null,
  primary key (model, position)
);
create index targets_provider on targets (provider);

create table projects (
  name text primary key,
  position integer not null,
  settings jsonb not null,
  disabled boolean not null default false,
  origin text not null check (origin in ('config', 'rest')),
  revision bigint not null,
  updated_at timestamptz not null
);

create table users (
  name text primary key,
  position integer not null,
  settings jsonb not null,
  disabled boolean not null default false,
  origin text not null check (origin in ('config', 'rest')),
  revision bigint not null,
  updated_at timestamptz not null
);

-- A key outlives its project and its user (usage records name it), so there are no foreign keys here.
create table keys (
  id text primary key,
  sequence bigint generated always as identity,
  hash text not null,
  name text not null,
  project text not null,
  user_name text,
  models jsonb,
  allowed_ips jsonb not null,
  limits jsonb not null,
  expires_at timestamptz,
  disabled boolean not null default false,
  origin text not null check (origin in ('config', 'rest')),
  -- config only: the place in its project's or user's list, and the reference that gave the secret
  position integer,
  reference text,
  revision bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  revoked_at timestamptz
);
create unique index keys_sequence on keys (sequence);
create unique index keys_hash on keys (hash) where revoked_at is null;
create index keys_project on keys (project);
create index keys_user on keys (user_name) where user_name is not null;

-- Hashes whose policy changed at a revision of 'keys'; pruned, see src/store/revisions.ts.
create table key_changes (
  revision bigint not null,
  hash text not null,
  primary key (revision, hash)
);

create table idempotent_answers (
  idempotency_key text primary key,
  request_hash text not null,
  status integer not null,
  sealed_body text not null,
  created_at timestamptz not null
);
create index idempotent_answers_created_at on idempotent_answers (created_at);
