-- metadata.set_entries(tenant, items): sets and deletes keys of entities.
--
-- items: a jsonb array of objects
--   entity text (its name), key text: required
--   type text (json | text | integer | float | boolean | bytes) and value text: as text, JSON as its text, bytes in base64;
--     without a type the key is deleted
--   agent text: who writes, for the permission; absent: the service itself, which may do everything
--   ttl_ms number: the key is gone after so many milliseconds; absent: it stays
--   durability text (durable | async): more than the group's; less is not given
--   call bigint: items of one call are written all or none; absent: each by itself. A key stands once in a call
-- returns one row an item: the key's version after it; whether the key was there before; the durability that the group
-- gives; or, alone, why the item was refused: unknown_entity, forbidden, quota_key, quota_value, quota_keys, or call when another
-- item of its call was. Refused items are never in the way of others. Of several items for one key the last one that is
-- allowed is written, and the others have its version. What changes nothing writes nothing.
-- Keys are locked in the order (entity_id, key), entities before them, so batches wait for each other and do not deadlock.
-- Errors: PF001..PF003 (platform.enter); 40001 when a key was deleted at the same moment: repeat.
create or replace function metadata.set_entries(p_tenant text, p_items jsonb)
returns table (ordinal integer, refusal text, version bigint, was_there boolean, durability text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select u.ordinal, u.refusal, u.version, case when p.were_there is null then true else u.was_there end, coalesce(u.durability, p.durability)
  from metadata.set_entries_packed(p_tenant, p_items) p
  cross join lateral unnest(p.ordinals, p.refusals, p.versions, p.were_there, p.durabilities) as u(ordinal, refusal, version, was_there, durability);
end
$$;
comment on function metadata.set_entries(text, jsonb) is 'Sets and deletes many keys of entities, with the permission of each item''s agent.';
revoke all on function metadata.set_entries(text, jsonb) from public;
grant execute on function metadata.set_entries(text, jsonb) to pgfleet_app;
