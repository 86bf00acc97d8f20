-- memory.get_vectors(tenant, keys): vectors by scope and id. keys: a jsonb array of {scope text, id uuid, dimensions integer};
-- without dimensions the least that has it. Returns one row a vector that is there and has not expired.
create or replace function memory.get_vectors(p_tenant text, p_keys jsonb)
returns table (ordinal integer, vector jsonb)
language plpgsql volatile
set search_path = pg_catalog, extensions, public, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_dimensions integer;
  v_found integer[] := '{}';
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    for ordinal, vector in execute format('
      select x.ordinality::integer, jsonb_build_object(''id'', v.vector_id, ''scope'', v.scope, ''embedding'', v.embedding::text,
        ''metadata'', v.metadata, ''content'', v.content, ''eventTime'', v.event_time, ''expiresAt'', nullif(v.expires_at, ''infinity''),
        ''createdAt'', v.created_at, ''updatedAt'', v.updated_at)
      from rows from (jsonb_to_recordset($2) as (scope text collate "C", id uuid, dimensions integer)) with ordinality as x
      cross join lateral (
        select f.* from memory.vectors_%s f
        where f.tenant_id = $1 and f.scope = x.scope and f.vector_id = x.id and f.expires_at > statement_timestamp()
        offset 0
      ) v
      where coalesce(x.dimensions, $3) = $3 and x.ordinality <> all ($4)', v_dimensions)
    using p_tenant, p_keys, v_dimensions, v_found loop
      v_found := v_found || ordinal;
      return next;
    end loop;
    exit when cardinality(v_found) = jsonb_array_length(p_keys);
  end loop;
end
$$;
comment on function memory.get_vectors(text, jsonb) is 'Many vectors by scope and id.';
revoke all on function memory.get_vectors(text, jsonb) from public;
grant execute on function memory.get_vectors(text, jsonb) to pgfleet_app;
