-- memory.cleanup_expired_values(tenant, most rows): removes the tenant's expired keys, at most so many, so that a
-- transaction stays short; returns how many: repeat until it is fewer. Rows that others hold are left for the next time.
create or replace function memory.cleanup_expired_values(p_tenant text, p_rows_max integer) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_deleted bigint;
begin
  perform platform.enter(p_tenant);
  with gone as (
    select v.key from memory.key_values v
    where v.tenant_id = p_tenant and v.expires_at <= statement_timestamp()
    limit p_rows_max for update skip locked
  )
  delete from memory.key_values v using gone g where v.tenant_id = p_tenant and v.key = g.key;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function memory.cleanup_expired_values(text, integer) is 'Removes a tenant''s expired keys in bounded steps.';
revoke all on function memory.cleanup_expired_values(text, integer) from public;
grant execute on function memory.cleanup_expired_values(text, integer) to pgfleet_app;
