-- memory.vector_scan(dimensions, element_type, condition, has_scope, columns): the text of the statement that finds the k
-- vectors nearest to each of many. Its parameters: $1 tenant, $2 scope, $3 ordinals, $4 embeddings, $5 k, $6 exact_rows.
--
-- Where the tenant, or the scope, holds no more than exact_rows (probe) they are compared one by one: that is quicker than to
-- look for them in an index that all tenants share, and exact. Otherwise the index is scanned, on and on until k rows meet the
-- condition (hnsw.iterative_scan); what gave up at hnsw.max_scan_tuples and came back short is compared one by one after all.
-- exact_rows null: everything is compared one by one.
create or replace function memory.vector_scan(
  p_dimensions integer, p_element_type text, p_condition text, p_has_scope boolean, p_columns text
) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select format('
    with item as materialized (
      select u.ordinal, u.embedding::%2$s as embedding from unnest($3::integer[], $4::text[]) u(ordinal, embedding)
    ),
    probe as materialized (
      select count(*) > $6 as is_large from (select from memory.vectors_%1$s v where v.tenant_id = $1 %4$s limit coalesce($6 + 1, 0)) c
    ),
    near as materialized (
      select i.ordinal, n.*
      from item i
      cross join lateral (
        select v.embedding <=> i.embedding as distance, %5$s
        from memory.vectors_%1$s v
        where %3$s
        order by v.embedding <=> i.embedding
        limit $5
      ) n
      where (select p.is_large from probe p)
    ),
    complete as materialized (
      select n.ordinal from near n group by n.ordinal having count(*) = $5
    )
    select n.* from near n where n.ordinal in (select c.ordinal from complete c)
    union all
    select i.ordinal, n.*
    from item i
    cross join lateral (
      select v.embedding <=> i.embedding as distance, %5$s
      from memory.vectors_%1$s v
      where %3$s
      -- The sum keeps the planner from the index.
      order by (v.embedding <=> i.embedding) + 0
      limit $5
    ) n
    where i.ordinal not in (select c.ordinal from complete c)',
    p_dimensions, p_element_type, p_condition, case when p_has_scope then 'and v.scope = $2' else '' end, p_columns)
$$;
comment on function memory.vector_scan(integer, text, text, boolean, text) is 'The statement of a vector search, by index or one by one, as text.';
revoke all on function memory.vector_scan(integer, text, text, boolean, text) from public;
grant execute on function memory.vector_scan(integer, text, text, boolean, text) to pgfleet_app;
-- What was written from it follows; on a first migration memory.write_vector_scan does that itself.
do $$
begin
  if to_regprocedure('memory.write_vector_scan(integer)') is not null then
    perform memory.write_vector_scan(d.dimensions) from memory.vector_dimensions d;
  end if;
end
$$;
