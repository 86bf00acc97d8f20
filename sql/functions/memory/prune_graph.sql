-- memory.prune_graph(tenant, before, max_rows): forgets superseded versions whose transaction time ended before that moment;
-- what is believed stays, and so does what was believed since. At most max_rows of each kind a call. Returns how many went.
create or replace function memory.prune_graph(p_tenant text, p_before timestamptz, p_max_rows integer) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_entities bigint;
  v_relationships bigint;
begin
  perform platform.enter(p_tenant);
  delete from memory.entity_versions v
  using (
    select o.entity_id, o.superseded_at, o.valid_from from memory.entity_versions o
    where o.tenant_id = p_tenant and o.superseded_at < p_before and o.superseded_at < 'infinity'
    order by o.entity_id, o.superseded_at, o.valid_from
    limit p_max_rows
    for update skip locked
  ) o
  where v.tenant_id = p_tenant and v.entity_id = o.entity_id and v.superseded_at = o.superseded_at and v.valid_from = o.valid_from;
  get diagnostics v_entities = row_count;
  delete from memory.relationship_versions v
  using (
    select o.relationship_id, o.superseded_at, o.valid_from from memory.relationship_versions o
    where o.tenant_id = p_tenant and o.superseded_at < p_before and o.superseded_at < 'infinity'
    order by o.relationship_id, o.superseded_at, o.valid_from
    limit p_max_rows
    for update skip locked
  ) o
  where v.tenant_id = p_tenant and v.relationship_id = o.relationship_id and v.superseded_at = o.superseded_at and v.valid_from = o.valid_from;
  get diagnostics v_relationships = row_count;
  return v_entities + v_relationships;
end
$$;
comment on function memory.prune_graph(text, timestamptz, integer) is 'Forgets versions of the graph that were superseded before a moment.';
revoke all on function memory.prune_graph(text, timestamptz, integer) from public;
grant execute on function memory.prune_graph(text, timestamptz, integer) to pgfleet_app;
