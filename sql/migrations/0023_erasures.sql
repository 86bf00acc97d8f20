--! breaking: no   lock: access exclusive on platform.tenants for a moment   rewrite: none   time: instant
-- Erasing and moving tenants: a tenant that is being erased or imported is not entered, and one that was erased leaves a
-- tombstone.

-- pgfleet-lint ignore constraint-without-not-valid: one row a tenant is read, which takes no time
alter table platform.tenants
  add column if not exists state text collate "C" not null default 'active'
    constraint tenants_state_legal check (state in ('active', 'erasing', 'importing')),
  add column if not exists import_id uuid;
comment on column platform.tenants.state is 'active: it may be entered. erasing, importing: it may not, and only the erasure or the import touches its rows.';
comment on column platform.tenants.import_id is 'The import that made the tenant: while it is importing, rows come from that one alone.';

create table platform.erasures (
  tenant_id text collate "C" not null,
  erasure_id uuid not null,
  reason text not null,
  erased_by text not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  reused_at timestamptz,
  of_import boolean not null default false,
  holds_after timestamptz not null default '-infinity',
  seal_number bigint,
  seal_hash bytea,
  row_counts jsonb not null default '{}'::jsonb,
  constraint erasures_pkey primary key (tenant_id, erasure_id),
  constraint erasures_reason_length check (char_length(reason) between 1 and 1000),
  constraint erasures_erased_by_length check (char_length(erased_by) between 1 and 200),
  constraint erasures_seal check ((seal_number is null) = (seal_hash is null)),
  constraint erasures_row_counts_object check (jsonb_typeof(row_counts) = 'object')
);
comment on table platform.erasures is 'One row an erasure of a tenant, which stays when all else is gone: the receipt, and the tombstone that keeps the id from being used again unnoticed.';
comment on column platform.erasures.erasure_id is 'A UUIDv7 made by the client.';
comment on column platform.erasures.finished_at is 'When the last row was gone; null while it is under way.';
comment on column platform.erasures.reused_at is 'When a tenant of the same id was made again on purpose; null: the id is taken by this tombstone.';
comment on column platform.erasures.of_import is 'It cleans up after an import that did not come to its end, and leaves no tombstone.';
comment on column platform.erasures.holds_after is 'Holds placed up to then do not count: an erasure that is applied again after a restore meets holds that had been lifted.';
comment on column platform.erasures.seal_number is 'The last seal of the tenant''s audit log when the erasure began, with its hash: the head of a chain that is gone.';
comment on column platform.erasures.row_counts is 'Rows removed, by table.';
create unique index erasures_unfinished on platform.erasures (tenant_id) where finished_at is null;

alter table platform.erasures enable row level security;
alter table platform.erasures force row level security;
create policy tenant_isolation on platform.erasures for select using (tenant_id = (select current_setting('pgfleet.tenant', true)));
create policy owner_administers on platform.erasures to pgfleet_owner using (true) with check (true);
grant select on platform.erasures to pgfleet_app;

-- It comes back with one argument more.
drop function if exists platform.create_tenant(text, text, jsonb, jsonb);
