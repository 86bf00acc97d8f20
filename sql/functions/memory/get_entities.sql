-- memory.get_entities(tenant, lookups): entities at a point of both times. lookups: a jsonb array of {id uuid, valid_at
-- timestamptz (the known time, else now), known_at timestamptz (what is believed now)}. Nothing is returned for an entity
-- that was not known, or not valid, then.
create or replace function memory.get_entities(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, id uuid, type text, name text, properties jsonb, valid_from text, valid_to text, recorded_at text,
  superseded_at text, episode_id uuid)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, v.entity_id, v.entity_type, v.entity_name, v.properties, memory.instant(v.valid_from),
    memory.instant(v.valid_to), memory.instant(v.recorded_at), memory.instant(v.superseded_at), v.episode_id
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid, valid_at timestamptz, known_at timestamptz)) with ordinality as x
  cross join lateral (
    select v.* from memory.entity_versions v
    where v.tenant_id = p_tenant and v.entity_id = x.id
      -- What was believed at a time ended its transaction time after it; what is believed now ends at infinity.
      and v.superseded_at >= coalesce(x.known_at + interval '1 microsecond', 'infinity')
      and v.recorded_at <= coalesce(x.known_at, 'infinity')
      and v.valid_from <= coalesce(x.valid_at, x.known_at, statement_timestamp())
      and v.valid_to > coalesce(x.valid_at, x.known_at, statement_timestamp())
    -- Backwards: what began last before that moment is most often it.
    order by v.superseded_at desc, v.valid_from desc
    limit 1
  ) v;
end
$$;
comment on function memory.get_entities(text, jsonb) is 'Many entities, each at a point of valid and transaction time.';
revoke all on function memory.get_entities(text, jsonb) from public;
grant execute on function memory.get_entities(text, jsonb) to pgfleet_app;
