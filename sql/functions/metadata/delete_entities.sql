-- metadata.delete_entities(tenant, items): deletes entities with their entries. items: a jsonb array of {name text, agent text};
-- the agent may delete in the entity's group. returns one row an item: whether the entity was there.
-- Errors: PF001..PF003 (platform.enter), PF094 not allowed, which names `names[i]`.
create or replace function metadata.delete_entities(p_tenant text, p_items jsonb)
returns table (ordinal integer, deleted boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_wrong record;
  v_ordinals integer[];
  v_deleted boolean[];
  v_ids uuid[];
begin
  perform platform.enter(p_tenant);
  select x.ordinality - 1 as place, x.agent, e.sync_group into v_wrong
  from rows from (jsonb_to_recordset(p_items) as (name text, agent text)) with ordinality as x
  join metadata.entities e on e.tenant_id = p_tenant and e.name = x.name
  left join metadata.roles r on r.tenant_id = p_tenant and r.agent_id = x.agent and r.sync_group = e.sync_group
  where x.agent is not null and r.can_delete is not true
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'agent % may not delete in sync group %', quote_literal(v_wrong.agent), quote_literal(v_wrong.sync_group)
      using errcode = 'PF094', column = format('names[%s]', v_wrong.place);
  end if;
  select array_agg(x.ordinality), array_agg(x.entity_id is not null and x.place = 1), array_agg(x.entity_id) filter (where x.entity_id is not null)
  into v_ordinals, v_deleted, v_ids
  from (
    select x.ordinality::integer, e.entity_id, row_number() over (partition by e.entity_id order by x.ordinality) as place
    from rows from (jsonb_to_recordset(p_items) as (name text)) with ordinality as x
    left join metadata.entities e on e.tenant_id = p_tenant and e.name = x.name
  ) x;
  perform metadata.drop_entities(p_tenant, v_ids, false, array(select x.agent from jsonb_to_recordset(p_items) as x(agent text)));
  return query
  select * from unnest(v_ordinals, v_deleted);
end
$$;
comment on function metadata.delete_entities(text, jsonb) is 'Deletes many entities with their entries.';
revoke all on function metadata.delete_entities(text, jsonb) from public;
grant execute on function metadata.delete_entities(text, jsonb) to pgfleet_app;
