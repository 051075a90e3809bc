-- Operations of projects with `accounting: strict`, from before a provider is asked until their record is stored.
create table open_operations (
  operation_id text primary key,
  node text not null,
  epoch text not null,
  created_at timestamptz not null,
  key_id text not null,
  project text not null,
  user_name text,
  endpoint text not null,
  stream boolean not null,
  requested_model text not null,
  served_model text not null,
  provider text not null,
  -- by estimate
  prompt_tokens integer not null
);
create index open_operations_source on open_operations (node, epoch);

-- When the gateway processes that open operations were last heard of.
create table operation_sources (
  node text not null,
  epoch text not null,
  heard_at timestamptz not null,
  primary key (node, epoch)
);

-- Written for a gateway that went away in the middle; its own record, should it come after all, takes the place of this.
alter table usage_records add column provisional boolean not null default false;
