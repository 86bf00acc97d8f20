--! breaking: no   lock: share row exclusive on platform.tenants for a moment   rewrite: none   time: instant
-- Legal holds: while a tenant has one, nothing of it is erased and nothing of it retires.

create table platform.legal_holds (
  tenant_id text collate "C" not null,
  hold_id uuid not null,
  reason text not null,
  placed_by text not null,
  placed_at timestamptz not null default now(),
  lifted_at timestamptz,
  lifted_by text,
  constraint legal_holds_pkey primary key (tenant_id, hold_id),
  -- Placing a hold locks the tenant's row against those who erase it: once a hold is there, no step follows.
  constraint legal_holds_tenant_fkey foreign key (tenant_id) references platform.tenants (tenant_id),
  constraint legal_holds_reason_length check (char_length(reason) between 1 and 1000),
  constraint legal_holds_placed_by_length check (char_length(placed_by) between 1 and 200),
  constraint legal_holds_lifted_by_length check (char_length(lifted_by) between 1 and 200),
  constraint legal_holds_lifted check ((lifted_at is null) = (lifted_by is null))
);
comment on table platform.legal_holds is 'One row a hold; it holds until it is lifted, and stays as a record then. Nothing but the lift ever changes.';
comment on column platform.legal_holds.hold_id is 'A UUIDv7 made by the client, so that a repeated call places one hold.';
comment on column platform.legal_holds.reason is 'The case or the order that the hold goes back to.';

alter table platform.legal_holds enable row level security;
alter table platform.legal_holds force row level security;
create policy tenant_isolation on platform.legal_holds for select using (tenant_id = (select current_setting('pgfleet.tenant', true)));
create policy owner_administers on platform.legal_holds to pgfleet_owner using (true) with check (true);
grant select on platform.legal_holds to pgfleet_app;
