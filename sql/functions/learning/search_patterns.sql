-- learning.search_patterns(tenant, searches): patterns whose name is similar, by trigrams; tolerant of typing errors.
-- searches: a jsonb array of {name text, agent_type text (any), threshold number (0.3, and not below), max_results integer (10)}.
-- returns one row a search with the patterns found, the most similar first.
create or replace function learning.search_patterns(p_tenant text, p_searches jsonb)
returns table (ordinal integer, patterns jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query select f.ordinal, f.patterns from learning.find_patterns(p_searches) f;
end
$$;
comment on function learning.search_patterns(text, jsonb) is 'Patterns by similarity of name, for many searches.';
revoke all on function learning.search_patterns(text, jsonb) from public;
grant execute on function learning.search_patterns(text, jsonb) to pgfleet_app;
