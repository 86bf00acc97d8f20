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
  v_ordinals integer[];
  v_deleted integer[] := '{}';
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    -- Locked in the order of the keys first.
    execute format('
      with given as materialized (
        select x.ordinality::integer as ordinal, x.scope, x.id
        from rows from (jsonb_to_recordset($2) as (scope text collate "C", id uuid, dimensions integer)) with ordinality as x
        where coalesce(x.dimensions, $3) = $3
      ),
      locked as materialized (
        select v.scope, v.vector_id
        from (select distinct g.scope, g.id from given g order by g.scope, g.id) k
        cross join lateral (
          select f.scope, f.vector_id from memory.vectors_%1$s f
          where f.tenant_id = $1 and f.scope = k.scope and f.vector_id = k.id
          for update
        ) v
      ),
      gone as (
        delete from memory.vectors_%1$s v
        using locked l
        where v.tenant_id = $1 and v.scope = l.scope and v.vector_id = l.vector_id
        returning v.scope, v.vector_id, v.expires_at > statement_timestamp() as was_live
      )
      select array_agg(g.ordinal) from given g join gone d on d.scope = g.scope and d.vector_id = g.id and d.was_live', v_dimensions)
    into v_ordinals using p_tenant, p_keys, v_dimensions;
    v_deleted := v_deleted || coalesce(v_ordinals, '{}');
  end loop;
  return query select n.n, n.n = any (v_deleted) from generate_series(1, jsonb_array_length(p_keys)) n;
end
$$;
comment on function memory.delete_vectors(text, jsonb) is 'Removes many vectors.';
revoke all on function memory.delete_vectors(text, jsonb) from public;
grant execute on function memory.delete_vectors(text, jsonb) to pgfleet_app;
