-- memory.vector_scopes(tenant, after, limit): the scopes that hold vectors, in order, from behind `after`. Jumps from one scope
-- to the next in the key, so the cost follows the scopes, not the vectors.
create or replace function memory.vector_scopes(p_tenant text, p_after text, p_limit integer)
returns table (scope text, dimensions integer[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_dimensions integer;
  v_scopes jsonb := '{}';
  v_last text;
  v_found text;
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    v_last := p_after;
    for i in 1 .. p_limit loop
      execute format('
        select v.scope from memory.vectors_%s v
        where v.tenant_id = $1 and v.scope > $2 and v.expires_at > statement_timestamp() order by v.scope limit 1', v_dimensions)
      into v_found using p_tenant, v_last;
      exit when v_found is null;
      v_scopes := v_scopes || jsonb_build_object(v_found, coalesce(v_scopes -> v_found, '[]'::jsonb) || to_jsonb(v_dimensions));
      v_last := v_found;
    end loop;
  end loop;
  return query
  select s.key, array(select d.value::integer from jsonb_array_elements_text(s.value) d order by 1)
  from jsonb_each(v_scopes) s
  order by s.key collate "C"
  limit p_limit;
end
$$;
comment on function memory.vector_scopes(text, text, integer) is 'The scopes that hold vectors of a tenant, with their dimensions.';
revoke all on function memory.vector_scopes(text, text, integer) from public;
grant execute on function memory.vector_scopes(text, text, integer) to pgfleet_app;
