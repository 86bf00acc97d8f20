-- memory.record_episodes(tenant, episodes): applies changes of the graph that came together, all of an episode or none, at one
-- transaction time; idempotent by id. episodes: a jsonb array of {id uuid (version 7), content_hash uuid (of what makes two
-- episodes the same), occurred_at timestamptz, source text, metadata jsonb, changes jsonb (see memory.change_graph)}.
-- returns one row an episode: what each change led to ({id, changed}), the transaction time, and whether the id had been
-- recorded before; then nothing was applied, and the results are those of that time.
-- Errors: those of memory.change_graph, PF006 the id's time lies outside the window, PF012 the id was used for another.
create or replace function memory.record_episodes(p_tenant text, p_episodes jsonb)
returns table (ordinal integer, results jsonb, recorded_at text, replayed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_new uuid[];
  v_time timestamptz;
  v_episode record;
  v_changed jsonb;
  v_conflict bigint;
begin
  perform platform.enter(p_tenant);
  if jsonb_path_exists(p_episodes, '$[*].changes[*] ? (@.kind == "entity" && @.op == "assert")') then
    perform platform.check_quota(p_tenant, 'entities');
  end if;
  perform platform.ensure_partitions('memory', 'episodes',
    array(select x.id from rows from (jsonb_to_recordset(p_episodes) as (id uuid)) with ordinality as x order by x.ordinality), 'episodes');
  -- Whoever records the same id at this moment is waited for.
  with recorded as (
    insert into memory.episodes as e (tenant_id, episode_id, content_hash, recorded_at, occurred_at, source, metadata)
    select distinct on (x.id) p_tenant, x.id, x.content_hash, statement_timestamp(), x.occurred_at, x.source, coalesce(x.metadata, '{}'::jsonb)
    from rows from (
      jsonb_to_recordset(p_episodes) as (id uuid, content_hash uuid, occurred_at timestamptz, source text, metadata jsonb)
    ) with ordinality as x
    order by x.id, x.ordinality
    on conflict (tenant_id, episode_id) do nothing
    returning e.episode_id
  )
  select coalesce(array_agg(r.episode_id), '{}') into v_new from recorded r;
  select min(x.ordinality) into v_conflict
  from rows from (jsonb_to_recordset(p_episodes) as (id uuid, content_hash uuid)) with ordinality as x
  join memory.episodes e on e.tenant_id = p_tenant and e.episode_id = x.id
  where e.content_hash <> x.content_hash;
  if v_conflict is not null then
    raise exception 'episode %: the id was used before for another episode', v_conflict
      using errcode = 'PF012', column = format('episodes[%s].id', v_conflict - 1);
  end if;

  if v_new <> '{}' then
    v_time := memory.lock_graph((
      select coalesce(jsonb_agg(c.value || jsonb_build_object('field', format('episodes[%s].changes[%s]', x.ordinality - 1, c.ordinality - 1))
        order by x.ordinality, c.ordinality), '[]'::jsonb)
      from rows from (jsonb_to_recordset(p_episodes) as (id uuid, changes jsonb)) with ordinality as x
      cross join lateral jsonb_array_elements(x.changes) with ordinality as c
      where x.id = any (v_new)
    ));
    for v_episode in
      select x.id, min(x.ordinality) as ordinality,
        (array_agg(x.changes order by x.ordinality))[1] as changes
      from rows from (jsonb_to_recordset(p_episodes) as (id uuid, changes jsonb)) with ordinality as x
      where x.id = any (v_new)
      group by x.id
      order by 2
    loop
      select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'changed', a.changed) order by a.ordinal), '[]'::jsonb) into v_changed
      from memory.apply_changes((
        select coalesce(jsonb_agg(c.value || jsonb_build_object('episode_id', v_episode.id) order by c.ordinality), '[]'::jsonb)
        from jsonb_array_elements(v_episode.changes) with ordinality as c
      ), v_time, interval '0', format('episodes[%s].changes', v_episode.ordinality - 1)) a;
      update memory.episodes e set results = v_changed, recorded_at = v_time
      where e.tenant_id = p_tenant and e.episode_id = v_episode.id;
      v_time := v_time + interval '1 microsecond';
    end loop;
  end if;
  return query
  select x.ordinality::integer, e.results, memory.instant(e.recorded_at),
    not e.episode_id = any (v_new) or exists (
      select from rows from (jsonb_to_recordset(p_episodes) as (id uuid)) with ordinality as y
      where y.id = x.id and y.ordinality < x.ordinality
    )
  from rows from (jsonb_to_recordset(p_episodes) as (id uuid)) with ordinality as x
  join memory.episodes e on e.tenant_id = p_tenant and e.episode_id = x.id
  order by x.ordinality;
end
$$;
comment on function memory.record_episodes(text, jsonb) is 'Applies many episodes of changes of the graph; idempotent by id.';
revoke all on function memory.record_episodes(text, jsonb) from public;
grant execute on function memory.record_episodes(text, jsonb) to pgfleet_app;
