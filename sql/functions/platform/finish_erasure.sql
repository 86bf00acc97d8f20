-- platform.finish_erasure(tenant, erasure): ends an erasure when nothing of the tenant is left: removes the tenant itself, and
-- completes the tombstone; after an import that did not come to its end none stays.
-- returns the tables and partitions that still hold rows; then nothing was done. For pgfleet_owner.
-- Errors: those of platform.lock_erasure.
create or replace function platform.finish_erasure(p_tenant text, p_erasure uuid) returns setof text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_table text;
  v_is_left boolean;
  v_left boolean := false;
begin
  perform platform.lock_erasure(p_tenant, p_erasure);
  for v_table in select t.table_name from platform.tenant_tables() t loop
    -- The name comes from the catalogue, quoted.
    execute format('select exists (select from %s t where t.tenant_id = $1)', v_table) into v_is_left using p_tenant;
    if v_is_left then
      v_left := true;
      return next v_table;
    end if;
  end loop;
  if v_left then
    return;
  end if;
  delete from platform.tenants t where t.tenant_id = p_tenant;
  update platform.erasures e set finished_at = clock_timestamp() where e.tenant_id = p_tenant and e.erasure_id = p_erasure;
  delete from platform.erasures e where e.tenant_id = p_tenant and e.erasure_id = p_erasure and e.of_import;
end
$$;
comment on function platform.finish_erasure(text, uuid) is 'Ends an erasure when nothing is left, and tells what is left otherwise; for the owner.';
revoke all on function platform.finish_erasure(text, uuid) from public;
