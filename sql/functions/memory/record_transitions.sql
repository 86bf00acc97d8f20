-- memory.record_transitions(tenant, transitions): counts transitions. transitions: a jsonb array of {scope, key, to_value
-- text, from_value text (null), source_hash uuid = the content hash of [scope, key, from_value], target_hash uuid = that
-- of to_value}. returns one row a transition: its frequency right after it was counted. Concurrent calls lose none.
-- Errors: PF001..PF003 (platform.enter).
create or replace function memory.record_transitions(p_tenant text, p_transitions jsonb)
returns table (ordinal integer, frequency bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
begin
  perform platform.enter(p_tenant);
  return query
  with item as materialized (
    select x.*, row_number() over (partition by x.source_hash, x.target_hash order by x.ordinality) as place,
      count(*) over (partition by x.source_hash, x.target_hash) as times
    from rows from (
      jsonb_to_recordset(p_transitions) as (scope text, key text, from_value text, to_value text, source_hash uuid, target_hash uuid)
    ) with ordinality as x
  ),
  counted as (
    insert into memory.transitions as t
      (tenant_id, source_hash, target_hash, frequency, first_seen_at, last_seen_at, scope, key, from_value, to_value)
    select p_tenant, i.source_hash, i.target_hash, i.times, v_now, v_now, i.scope, i.key, i.from_value, i.to_value
    from item i
    where i.place = 1
    order by i.source_hash, i.target_hash
    on conflict (tenant_id, source_hash, target_hash) do update
    set frequency = t.frequency + excluded.frequency, last_seen_at = excluded.last_seen_at
    returning t.source_hash, t.target_hash, t.frequency
  )
  select i.ordinality::integer, c.frequency - i.times + i.place
  from item i
  join counted c on c.source_hash = i.source_hash and c.target_hash = i.target_hash;
end
$$;
comment on function memory.record_transitions(text, jsonb) is 'Counts many transitions; exact under concurrency.';
revoke all on function memory.record_transitions(text, jsonb) from public;
grant execute on function memory.record_transitions(text, jsonb) to pgfleet_app;
