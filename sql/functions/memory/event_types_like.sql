-- memory.event_types_like(tenant, patterns, most): the types of event that the tenant's log holds and that match one of the LIKE
-- patterns; null when more than `most` do, or more than 1000 had to be tried. Steps from type to type along the index,
-- one look into each month a type, whatever the number of events.
create or replace function memory.event_types_like(p_tenant text, p_patterns text[], p_most integer) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_sort = off
as $$
declare
  v_types text[] := '{}';
  v_pattern text;
  v_prefix text;
  v_type text;
  v_tried integer := 0;
begin
  foreach v_pattern in array p_patterns loop
    -- What stands before the first wildcard, its escapes undone.
    v_prefix := regexp_replace(substring(v_pattern from '^(?:[^\\%_]|\\.)*'), '\\(.)', '\1', 'g');
    if v_pattern !~ '^(?:[^\\%_]|\\.)*[%_]' then
      v_types := v_types || v_prefix;
      continue;
    end if;
    select e.event_type into v_type from memory.events e
    where e.tenant_id = p_tenant and e.event_type >= v_prefix
    order by e.event_type
    limit 1;
    while starts_with(v_type, v_prefix) loop
      v_tried := v_tried + 1;
      if v_type like v_pattern then
        v_types := v_types || v_type;
      end if;
      if v_tried > 1000 or cardinality(v_types) > 2 * p_most then
        return null;
      end if;
      select e.event_type into v_type from memory.events e
      where e.tenant_id = p_tenant and e.event_type > v_type
      order by e.event_type
      limit 1;
    end loop;
  end loop;
  v_types := array(select distinct t.event_type from unnest(v_types) as t(event_type) order by t.event_type);
  return case when cardinality(v_types) <= p_most then v_types end;
end
$$;
comment on function memory.event_types_like(text, text[], integer) is 'The types of event in the tenant''s log that match one of the patterns; null when they are many.';
revoke all on function memory.event_types_like(text, text[], integer) from public;
grant execute on function memory.event_types_like(text, text[], integer) to pgfleet_app;
