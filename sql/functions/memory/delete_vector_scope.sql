-- memory.delete_vector_scope(tenant, scope): removes every vector of a scope, of all dimensions. Returns how many.
create or replace function memory.delete_vector_scope(p_tenant text, p_scope text) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_dimensions integer;
  v_count bigint;
  v_total bigint := 0;
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    execute format('
      with locked as materialized (
        select f.vector_id from memory.vectors_%1$s f where f.tenant_id = $1 and f.scope = $2 order by f.vector_id for update
      )
      delete from memory.vectors_%1$s v using locked l where v.tenant_id = $1 and v.scope = $2 and v.vector_id = l.vector_id', v_dimensions)
    using p_tenant, p_scope;
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;
  end loop;
  return v_total;
end
$$;
comment on function memory.delete_vector_scope(text, text) is 'Removes every vector of a scope.';
revoke all on function memory.delete_vector_scope(text, text) from public;
grant execute on function memory.delete_vector_scope(text, text) to pgfleet_app;
