-- memory.parts_of(items, key): the items of a batch as parts that can each be written by one statement: all of them when
-- no key stands in two calls, else one part a call, in order. Items of such parts carry their place as `ordinal`.
create or replace function memory.parts_of(p_items jsonb, p_key text) returns jsonb[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when (select count(*) = count(distinct e.item ->> p_key) from jsonb_array_elements(p_items) as e(item)) then array[p_items]
    else (
      select array_agg(c.items order by c.first)
      from (
        select jsonb_agg(e.item || jsonb_build_object('ordinal', e.place) order by e.place) as items, min(e.place) as first
        from jsonb_array_elements(p_items) with ordinality as e(item, place)
        group by coalesce(e.item -> 'call', to_jsonb(-e.place))
      ) c
    )
  end
$$;
comment on function memory.parts_of(jsonb, text) is 'The items of a batch as parts that name no key twice.';
revoke all on function memory.parts_of(jsonb, text) from public;
grant execute on function memory.parts_of(jsonb, text) to pgfleet_app;
