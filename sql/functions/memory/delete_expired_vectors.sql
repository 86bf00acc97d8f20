-- memory.delete_expired_vectors(tenant, limit): removes vectors that have expired, at most so many of each dimension. They are
-- not returned by anything before either; this frees their space. Returns how many.
create or replace function memory.delete_expired_vectors(p_tenant text, p_limit integer) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dimensions integer;
  v_count bigint;
  v_total bigint := 0;
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    -- Skips what an upsert holds: it is about to start anew.
    execute format('
      with expired as materialized (
        select f.scope, f.vector_id from memory.vectors_%1$s f
        where f.tenant_id = $1 and f.expires_at <= statement_timestamp() and f.expires_at < ''infinity''
        limit $2
        for update skip locked
      )
      delete from memory.vectors_%1$s v using expired e where v.tenant_id = $1 and v.scope = e.scope and v.vector_id = e.vector_id', v_dimensions)
    using p_tenant, p_limit;
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;
  end loop;
  return v_total;
end
$$;
comment on function memory.delete_expired_vectors(text, integer) is 'Removes vectors that have expired.';
revoke all on function memory.delete_expired_vectors(text, integer) from public;
grant execute on function memory.delete_expired_vectors(text, integer) to pgfleet_app;
