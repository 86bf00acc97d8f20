-- memory.upsert_vectors(tenant, vectors, components): keeps vectors, by scope and id; one that is there is replaced as a whole, an
-- expired one starts anew. vectors: a jsonb array of {scope text, id uuid, dimensions integer, metadata, content text,
-- event_time timestamptz, expires_at timestamptz or ttl_seconds number (neither: never)}. components: those of all vectors, one
-- behind the other; as an array they come in binary form, and are read in a tenth of the time.
-- Of the same vector twice in one call the last counts. Returns one row a vector: its id, and whether it was not there before.
-- Errors: PF001..PF003 (platform.enter), PF007 the quota is reached, PF020 there is no table of that dimension.
create or replace function memory.upsert_vectors(p_tenant text, p_vectors jsonb, p_components real[])
returns table (ordinal integer, vector_id uuid, created boolean)
language plpgsql volatile
set search_path = pg_catalog, extensions, public, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_dimensions integer;
  v_type text;
  v_first bigint;
begin
  perform platform.enter(p_tenant);
  perform platform.check_quota(p_tenant, 'vectors');
  -- In the order of dimensions, and of keys within one, so that batches wait for each other instead of deadlocking.
  for v_dimensions, v_first in
    select x.dimensions, min(x.ordinality)
    from rows from (jsonb_to_recordset(p_vectors) as (dimensions integer)) with ordinality as x
    group by x.dimensions
    order by x.dimensions
  loop
    select d.element_type into v_type from memory.vector_dimensions d where d.dimensions = v_dimensions;
    if not found then
      raise exception 'there is no table of vectors of % dimensions: pgfleet vectors add-dimension % makes it', v_dimensions, v_dimensions
        using errcode = 'PF020', column = format('vectors[%s].embedding', v_first - 1);
    end if;
    return query execute format('
      with given as materialized (
        select x.*
        from (
          select v.*, sum(v.dimensions) over (order by v.ordinality)::integer as last
          from rows from (
            jsonb_to_recordset($2) as (dimensions integer, scope text collate "C", id uuid, metadata jsonb, content text,
              event_time timestamptz, expires_at timestamptz, ttl_seconds double precision)
          ) with ordinality as v
        ) x
        where x.dimensions = $4
      ),
      written as (
        insert into memory.vectors_%1$s as v
          (tenant_id, scope, vector_id, embedding, metadata, content, event_time, expires_at, created_at, updated_at)
        select $1, g.scope, g.id, ($5[g.last - $4 + 1 : g.last])::%2$s, coalesce(g.metadata, ''{}''::jsonb), g.content, g.event_time,
          coalesce(g.expires_at, $3 + make_interval(secs => g.ttl_seconds), ''infinity''), $3, $3
        from (select distinct on (o.scope, o.id) o.* from given o order by o.scope, o.id, o.ordinality desc) g
        order by g.scope, g.id
        on conflict (tenant_id, scope, vector_id) do update
        set embedding = excluded.embedding, metadata = excluded.metadata, content = excluded.content, event_time = excluded.event_time,
          expires_at = excluded.expires_at, updated_at = excluded.updated_at,
          created_at = case when v.expires_at <= excluded.updated_at then excluded.created_at else v.created_at end
        returning v.scope, v.vector_id, v.created_at = v.updated_at as created
      )
      select g.ordinality::integer, w.vector_id, w.created
      from given g
      join written w on w.scope = g.scope and w.vector_id = g.id', v_dimensions, v_type)
    using p_tenant, p_vectors, v_now, v_dimensions, p_components;
  end loop;
end
$$;
comment on function memory.upsert_vectors(text, jsonb, real[]) is 'Keeps many vectors; idempotent by scope and id.';
revoke all on function memory.upsert_vectors(text, jsonb, real[]) from public;
grant execute on function memory.upsert_vectors(text, jsonb, real[]) to pgfleet_app;
