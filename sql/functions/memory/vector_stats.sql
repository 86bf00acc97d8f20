-- memory.vector_stats(tenant, scope): how many vectors a tenant holds, a row a scope and dimension; scope null: all scopes.
-- Counts what has not expired; reads every row: for people and schedules, not for a request.
create or replace function memory.vector_stats(p_tenant text, p_scope text)
returns table (scope text, dimensions integer, vectors bigint, contents bigint, expired bigint, oldest timestamptz, newest timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_dimensions integer;
begin
  perform platform.enter(p_tenant);
  for v_dimensions in select d.dimensions from memory.vector_dimensions d order by d.dimensions loop
    return query execute format('
      select v.scope, $3, count(*) filter (where v.expires_at > statement_timestamp()),
        count(v.content_terms) filter (where v.expires_at > statement_timestamp()),
        count(*) filter (where v.expires_at <= statement_timestamp()),
        min(v.created_at) filter (where v.expires_at > statement_timestamp()), max(v.created_at) filter (where v.expires_at > statement_timestamp())
      from memory.vectors_%s v
      where v.tenant_id = $1 and ($2 is null or v.scope = $2)
      group by v.scope
      order by v.scope', v_dimensions)
    using p_tenant, p_scope, v_dimensions;
  end loop;
end
$$;
comment on function memory.vector_stats(text, text) is 'How many vectors a tenant holds, by scope and dimension.';
revoke all on function memory.vector_stats(text, text) from public;
grant execute on function memory.vector_stats(text, text) to pgfleet_app;
