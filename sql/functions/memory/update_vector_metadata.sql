-- memory.update_vector_metadata(tenant, changes): changes the metadata of vectors, in order; the embedding, and so the index,
-- stays as it is. changes: a jsonb array of {scope text, id uuid, dimensions integer (any that has it), metadata, replaces
-- bool (false)}: members that are given replace those of the same name, or with replaces all of them.
-- Returns one row a change: whether the vector was there. Errors: PF005 the metadata would be longer than 131072 characters.
create or replace function memory.update_vector_metadata(p_tenant text, p_changes jsonb)
returns table (ordinal integer, updated boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_dimensions integer;
  v_change record;
  v_length integer;
  v_updated integer[] := '{}';
begin
  perform platform.enter(p_tenant);
  -- One by one in the order of the keys: those of one vector in the order given, and no two batches deadlock.
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    for v_change in
      select x.ordinality::integer as ordinal, x.scope, x.id, x.metadata, coalesce(x.replaces, false) as replaces
      from rows from (
        jsonb_to_recordset(p_changes) as (scope text collate "C", id uuid, dimensions integer, metadata jsonb, replaces boolean)
      ) with ordinality as x
      where coalesce(x.dimensions, v_dimensions) = v_dimensions
      order by x.scope, x.id, x.ordinality
    loop
      execute format('
        update memory.vectors_%s v
        set metadata = case when $4 then $5 else v.metadata || $5 end, updated_at = statement_timestamp()
        where v.tenant_id = $1 and v.scope = $2 and v.vector_id = $3 and v.expires_at > statement_timestamp()
        returning length(v.metadata::text)', v_dimensions)
      into v_length using p_tenant, v_change.scope, v_change.id, v_change.replaces, v_change.metadata;
      if v_length > 131072 then
        raise exception 'the metadata would have % characters of JSON, at most 131072 are kept', v_length
          using errcode = 'PF005', column = format('changes[%s].metadata', v_change.ordinal - 1);
      elsif v_length is not null then
        v_updated := v_updated || v_change.ordinal;
      end if;
    end loop;
  end loop;
  return query select n.n, n.n = any (v_updated) from generate_series(1, jsonb_array_length(p_changes)) n;
end
$$;
comment on function memory.update_vector_metadata(text, jsonb) is 'Changes the metadata of many vectors.';
revoke all on function memory.update_vector_metadata(text, jsonb) from public;
grant execute on function memory.update_vector_metadata(text, jsonb) to pgfleet_app;
