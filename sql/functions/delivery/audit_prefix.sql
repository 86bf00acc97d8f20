-- delivery.audit_prefix(): the first fifteen characters of the UUIDv7s of audit rows that are written now; makes their
-- partition where it is missing, so it is called before the statement that inserts, not in it. An id is
-- `(prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid`: behind the time and the version come the variant and a
-- number of that sequence, which have twelve hexadecimal digits each. So the ids of a batch ascend, which halves what its rows and their
-- indexes cost; random digits a row would cost as much as an index. The sequence leaves out 31 numbers behind each: they are the ids of the
-- further entries of the row. A batch gives what it did alike to neighbours in it, 32 at most, one row: a larger one would be compressed,
-- and costs no less. Statements of the version before 0029, which put random digits behind the same characters, may be under way while the
-- schema is migrated.
create or replace function delivery.audit_prefix() returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := statement_timestamp();
  v_digits text := lpad(to_hex((extract(epoch from v_now) * 1000)::bigint), 12, '0');
begin
  if to_regclass('delivery.audit_log_p' || to_char(v_now at time zone 'UTC', 'YYYYMM')) is null then
    perform platform.ensure_partition('delivery', 'audit_log', platform.uuid_floor(v_now), 'audit_id');
  end if;
  return left(v_digits, 8) || '-' || right(v_digits, 4) || '-7';
end
$$;
comment on function delivery.audit_prefix() is 'The head of the ids of audit rows written now; makes their partition.';
revoke all on function delivery.audit_prefix() from public;
grant execute on function delivery.audit_prefix() to pgfleet_app;
