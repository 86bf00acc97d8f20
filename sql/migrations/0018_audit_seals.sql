--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Seals of the audit log: a chain of blocks a tenant, each with the hashes of its rows, so that what was sealed cannot be
-- altered, removed, put in another order or added to unnoticed.

create table delivery.audit_seals (
  tenant_id text collate "C" not null,
  seal_number bigint not null,
  sealed_at timestamptz not null,
  to_transaction xid8 not null,
  to_sequence bigint not null,
  audit_ids uuid[] not null,
  row_hashes bytea not null,
  previous_hash bytea not null,
  seal_hash bytea not null,
  constraint audit_seals_pkey primary key (tenant_id, seal_number),
  constraint audit_seals_number check (seal_number >= 1),
  constraint audit_seals_rows check (octet_length(row_hashes) = 32 * cardinality(audit_ids)),
  constraint audit_seals_hash check (octet_length(seal_hash) = 32 and octet_length(previous_hash) = 32)
);
comment on table delivery.audit_seals is 'One row a block of audit rows, never changed; kept when the rows retire.';
comment on column delivery.audit_seals.to_transaction is 'With to_sequence the place of its last row: the block holds all rows behind the block before, up to here, in the order (transaction_id, sequence).';
comment on column delivery.audit_seals.audit_ids is 'The rows in their order.';
comment on column delivery.audit_seals.row_hashes is '32 bytes a row: SHA-256 over previous_hash and the canonical content of the row.';
comment on column delivery.audit_seals.previous_hash is 'The seal_hash of the block before; zeros for the first.';
comment on column delivery.audit_seals.seal_hash is 'SHA-256 over all the rest of the row.';
-- Hashes do not compress.
alter table delivery.audit_seals alter column row_hashes set storage external;

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'delivery'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
-- What is sealed stays sealed.
revoke update, delete on delivery.audit_seals from pgfleet_app;
