-- memory.change_graph(tenant, changes): asserts, corrects and retracts entities and relationships. History is kept: the
-- transaction time of what is no longer believed ends, and what is believed instead is recorded beside it.
--
-- changes: a jsonb array of objects
--   kind text: entity | relationship;  op text: assert | correct | retract
--   valid_from, valid_to: the valid time that it is about, half-open; absent means without bound
--   an entity: id uuid; type, name text: required to assert;  detach bool (false): retract its relationships with it
--   a relationship: subject_id uuid, type text, object_id uuid;  id uuid: memory.relationship_id of the three, where the
--   caller has made it
--   properties jsonb: an object; to correct, members replace those of the same name, and null removes
--   episode_id uuid
-- assert: that this holds over the valid time, whatever was believed of it. correct: what is believed over that time,
-- with other values; where nothing is believed, nothing comes to be. retract: nothing is believed over that time.
-- returns one row a change: the id, whether it changed what is believed, and its transaction time. Changes of one entity or
-- relationship apply in the order of the array, a microsecond apart.
-- Errors: PF001..PF003 (platform.enter), PF030 unknown entity, PF031 unknown relationship, PF032 an entity to retract has
-- relationships.
create or replace function memory.change_graph(p_tenant text, p_changes jsonb)
returns table (ordinal integer, id uuid, changed boolean, recorded_at text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select a.ordinal, a.id, a.changed, memory.instant(a.recorded_at)
  from memory.apply_changes(p_changes, memory.lock_graph(p_changes), interval '1 microsecond', null) a;
end
$$;
comment on function memory.change_graph(text, jsonb) is 'Asserts, corrects and retracts many entities and relationships.';
revoke all on function memory.change_graph(text, jsonb) from public;
grant execute on function memory.change_graph(text, jsonb) to pgfleet_app;
