-- memory.delete_vectors(tenant, keys): removes vectors. keys: a jsonb array of {scope text, id uuid, dimensions integer};
-- without dimensions from every table that has it. Returns one row a key: whether it was there, and had not expired.
create or replace function memory.delete_vectors(p_tenant text, p_keys jsonb)
returns table (ordinal integer, deleted boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_dimensions integer;
  v_places tid[];
  v_ordinals integer[];
  v_deleted integer[] := '{}';
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    -- Locked in the order of the keys first. What is locked keeps its place, so the next statement finds it there, however
    -- few rows the planner believes to be around it.
    execute format('
      with locked as materialized (
        select v.ctid as place
        from (
          select distinct x.scope, x.id from jsonb_to_recordset($2) as x(scope text collate "C", id uuid, dimensions integer)
          where coalesce(x.dimensions, $3) = $3
          order by x.scope, x.id
        ) k
        cross join lateral (
          select f.ctid from memory.vectors_%s f
          where f.tenant_id = $1 and f.scope = k.scope and f.vector_id = k.id
          for update
        ) v
      )
      select array_agg(l.place) from locked l', v_dimensions)
    into v_places using p_tenant, p_keys, v_dimensions;
    continue when v_places is null;
    execute format('
      with gone as (
        delete from memory.vectors_%s v
        where v.tenant_id = $1 and v.ctid = any ($4)
        returning v.scope, v.vector_id, v.expires_at > statement_timestamp() as was_live
      )
      select array_agg(x.ordinality::integer)
      from rows from (jsonb_to_recordset($2) as (scope text collate "C", id uuid, dimensions integer)) with ordinality as x
      join gone d on d.scope = x.scope and d.vector_id = x.id and d.was_live
      where coalesce(x.dimensions, $3) = $3', v_dimensions)
    into v_ordinals using p_tenant, p_keys, v_dimensions, v_places;
    v_deleted := v_deleted || coalesce(v_ordinals, '{}');
  end loop;
  return query select n.n, n.n = any (v_deleted) from generate_series(1, jsonb_array_length(p_keys)) n;
end
$$;
comment on function memory.delete_vectors(text, jsonb) is 'Removes many vectors.';
revoke all on function memory.delete_vectors(text, jsonb) from public;
grant execute on function memory.delete_vectors(text, jsonb) to pgfleet_app;
