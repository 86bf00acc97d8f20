-- memory.search_entities(tenant, searches): entities by what they are called and what their properties say: full text and
-- similarity of names, fused by rank. searches: a jsonb array of {query text, type text (any), valid_at timestamptz (now),
-- max_results integer (10), text_weight, name_weight number (1)}. Searches what is believed now.
-- returns one row a search with the entities found, the best first.
create or replace function memory.search_entities(p_tenant text, p_searches jsonb)
returns table (ordinal integer, entities jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query select f.ordinal, f.entities from memory.find_entities(p_searches) f;
end
$$;
comment on function memory.search_entities(text, jsonb) is 'Entities by full text and similarity of names, for many searches.';
revoke all on function memory.search_entities(text, jsonb) from public;
grant execute on function memory.search_entities(text, jsonb) to pgfleet_app;
