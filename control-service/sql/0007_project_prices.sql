-- A project may have prices of its own for models; '' is the price of everybody else.
alter table prices add column project text not null default '';
alter table prices drop constraint prices_pkey;
alter table prices add primary key (project, provider, model, version);
