-- What gateways were granted of each limit, by the counters in process; with Redis these two stay empty.
create table counter_leases (
  counter text not null,
  -- Unix milliseconds, 0 for none
  window_start bigint not null,
  -- epoch@node of a gateway process; '' sums up processes that are long gone
  holder text not null,
  granted bigint not null,
  spent bigint not null,
  reserved bigint not null,
  -- the end of the window, null for none
  ends_at timestamptz,
  updated_at timestamptz not null,
  primary key (counter, window_start, holder)
);

-- The newest message of each gateway process that changed a row.
create table lease_holders (
  holder text primary key,
  sequence bigint not null,
  updated_at timestamptz not null
);

-- Since when a balance counts: records before that were not paid from it.
create table balances (
  counter text primary key,
  opened_at timestamptz not null
);

-- Top-ups and adjustments, in nano-USD; a balance is its limit's amount and the sum of its entries.
create table balance_entries (
  id bigint generated always as identity primary key,
  counter text not null,
  created_at timestamptz not null,
  author text not null,
  reason text not null,
  amount_nano_usd bigint not null
);
create index balance_entries_counter on balance_entries (counter, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name;
end
$$;
create trigger balance_entries_append_only before update or delete or truncate on balance_entries
  for each statement execute function refuse_change();
