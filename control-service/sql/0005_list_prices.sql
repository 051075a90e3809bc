-- A price is that of a public model (provider ''), or of an upstream model at a provider, from the price table that is shipped.
-- `version` is a hash of all rates, which are nano-USD per million tokens; `image` is nano-USD for each, `tiers` the rates of
-- long prompts: [{"above", "input", "cached_input", "cache_write", "output", "reasoning"}], rates as text.
alter table prices add column provider text not null default '';
alter table prices add column reasoning bigint;
update prices set reasoning = output;
alter table prices alter column reasoning set not null;
alter table prices add column image bigint not null default 0;
alter table prices add column tiers json not null default '[]';
alter table prices drop constraint prices_pkey;
alter table prices add primary key (provider, model, version);
