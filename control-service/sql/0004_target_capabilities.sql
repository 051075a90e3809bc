-- What an administrator says that a target's model accepts, laid over the catalog (shared/contract/catalog); null: nothing.
alter table targets add column capabilities jsonb;
