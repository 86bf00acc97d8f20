-- memory.match_texts(dimensions, scope, query, match, limit): the vectors whose content has the words of a query, ranked; the
-- text half of memory.search_hybrid. match: all (the syntax of web search engines: "a phrase", or, -not) or any of the words.
-- scope null: all scopes; limit null: all that match. Runs as pgfleet_search, whose policy lets it read the words without the
-- tenant's: under that policy a condition that is not leakproof, as @@ is, may not use the index. It carries the tenant
-- predicate itself, takes the tenant from platform.enter alone, and refuses without one. It may read keys and words only.
do $$
begin
  -- It belongs to pgfleet_search, whose members may drop it, but not replace it.
  if to_regprocedure('memory.match_texts(integer, text, text, text, integer)') is not null then
    set local role pgfleet_search;
    drop function memory.match_texts(integer, text, text, text, integer);
    set local role pgfleet_owner;
  end if;
end
$$;
create or replace function memory.match_texts(p_dimensions integer, p_scope text, p_query text, p_match text, p_limit integer)
returns table (scope text, vector_id uuid, rank real)
language plpgsql volatile security definer
set search_path = pg_catalog, extensions, public, pg_temp
set enable_seqscan = off
as $$
declare
  v_tenant text := current_setting('pgfleet.tenant', true);
  v_query tsquery := case p_match
    when 'any' then replace(plainto_tsquery('pg_catalog.english', p_query)::text, ' & ', ' | ')::tsquery
    else websearch_to_tsquery('pg_catalog.english', p_query)
  end;
begin
  if coalesce(v_tenant, '') = '' then
    raise exception 'no tenant was entered' using errcode = 'PF001';
  end if;
  -- Words that are in every text, and nothing else, leave an empty query: it matches nothing.
  if numnode(v_query) = 0 or not exists (select from memory.vector_dimensions d where d.dimensions = p_dimensions) then
    return;
  end if;
  return query execute format('
    select v.scope, v.vector_id, ts_rank(v.content_terms, $2) as rank
    from memory.vectors_%s v
    where v.tenant_id = $1 and v.content_terms @@ $2 and ($3 is null or v.scope = $3) and v.expires_at > statement_timestamp()
    order by rank desc, v.scope, v.vector_id
    limit $4', p_dimensions)
  using v_tenant, v_query, p_scope, p_limit;
end
$$;
comment on function memory.match_texts(integer, text, text, text, integer) is 'Vectors by the words of their content, for the tenant that was entered; the text half of memory.search_hybrid.';
revoke all on function memory.match_texts(integer, text, text, text, integer) from public;
grant execute on function memory.match_texts(integer, text, text, text, integer) to pgfleet_app;
do $$
begin
  if (select p.proowner::regrole::text from pg_proc p where p.oid = 'memory.match_texts(integer, text, text, text, integer)'::regprocedure) <> 'pgfleet_search' then
    -- The new owner must be allowed to create in the schema for that moment.
    grant create on schema memory to pgfleet_search;
    alter function memory.match_texts(integer, text, text, text, integer) owner to pgfleet_search;
    revoke create on schema memory from pgfleet_search;
  end if;
end
$$;
