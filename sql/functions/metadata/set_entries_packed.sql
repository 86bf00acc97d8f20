-- metadata.set_entries_packed(tenant, items): what metadata.set_entries does, answered in one row of arrays: a row for each item is work
-- for the server, which makes it, and for the process that reads it.
--
-- returns, for the items in some order: ordinals, from 1; versions; durability, which all were given, or durabilities, one by one; refusals,
-- null when none was refused; were_there, whether each key was there before, null when all were.
-- Errors: as set_entries.
create or replace function metadata.set_entries_packed(
  p_tenant text,
  p_items jsonb,
  out ordinals integer[],
  out versions bigint[],
  out durability text,
  out refusals text[],
  out were_there boolean[],
  out durabilities text[]
)
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
  v_now timestamptz := statement_timestamp();
  v_is_plain boolean;
  v_has_calls boolean;
  v_count integer;
  v_written integer[];
  v_versions bigint[];
  v_durability text;
  v_durabilities text[];
  v_is_durable boolean;
  v_groups text[];
  v_move_counts bigint[];
  v_refused integer[];
  v_refusals text[];
  v_beaten integer[];
  v_winners integer[];
  v_is_unmoved boolean;
  v_rest jsonb;
  v_judged metadata.judged_entry[];
  v_lock_timeout text;
begin
  perform platform.enter(p_tenant);
  -- Most batches change keys that are there, of groups that are not volatile: one plan updates those, without locks but those of
  -- its rows, and what it did not meet is looked at afterwards. Where that does not do, all of it is undone, and left to
  -- metadata.write_entries, which locks entities first.
  begin
    with item as materialized (
      select * from metadata.admit_entries(p_tenant, p_items)
    ),
    plain as materialized (
      select count(*) as items, coalesce(bool_or(i.call is not null), false) as has_calls,
        coalesce(bool_and(i.durability is distinct from 'volatile' and case when i.refusal is null then i.is_sure else i.call is null end), true)
          -- What is pending from when its group was volatile has the version to go on from.
          and case
            when exists (select from metadata.volatile_entries v where v.tenant_id = p_tenant)
            then not exists (
              select from item n join metadata.volatile_entries v on v.tenant_id = p_tenant and v.entity_id = n.entity_id and v.key = n.key
            )
            else true
          end as is_plain,
        array_agg(i.ordinal) filter (where i.refusal is not null) as refused,
        array_agg(i.refusal) filter (where i.refusal is not null) as refusals,
        array_agg(i.ordinal) filter (where i.refusal is null and i.winner <> i.ordinal) as beaten,
        array_agg(i.winner) filter (where i.refusal is null and i.winner <> i.ordinal) as winners
      from item i
    ),
    written as (
      update metadata.entries e
      set version = e.version + 1, updated_at = v_now, is_deleted = i.type is null, updated_by = i.agent,
        expires_at = case
          when i.type is null then v_now + interval '2 hours'
          when i.ttl_ms is null then 'infinity'
          else v_now + i.ttl_ms * interval '1 millisecond'
        end,
        json_value = case when i.type = 'json' then i.value::jsonb end, text_value = case when i.type = 'text' then i.value end,
        integer_value = case when i.type = 'integer' then i.value::bigint end,
        float_value = case when i.type = 'float' then i.value::double precision end,
        boolean_value = case when i.type = 'boolean' then i.value::boolean end,
        bytes_value = case when i.type = 'bytes' then decode(i.value, 'base64') end
      from item i
      where (select p.is_plain from plain p) and i.refusal is null and i.winner = i.ordinal
        and e.tenant_id = p_tenant and e.entity_id = i.entity_id and e.key = i.key and not e.is_deleted and e.expires_at > v_now
        and (
          case i.type
            when 'integer' then e.integer_value = i.value::bigint
            when 'float' then e.float_value = i.value::double precision
            when 'text' then e.text_value = i.value
            when 'json' then e.json_value = i.value::jsonb
            when 'boolean' then e.boolean_value = i.value::boolean
            when 'bytes' then e.bytes_value = decode(i.value, 'base64')
          end is not true
          or case
            when i.ttl_ms is null then e.expires_at = 'infinity'
            else abs(date_part('epoch', e.expires_at - v_now) * 1000 - i.ttl_ms) <= i.ttl_ms / 10
          end is not true
        )
      returning i.ordinal, i.agent, i.name, i.sync_group, i.channel, i.move_count, case when i.is_durable then 'durable' else i.durability end as durability,
        e.entity_id, e.key, e.version
    ),
    logged as (
      insert into metadata.changes (tenant_id, sync_group, kind, entity_ids, names, channels, keys, agent_ids)
      select p_tenant, x.sync_group, 'entries', array_agg(x.entity_id), array_agg(x.name), array_agg(x.channel), array_agg(x.key),
        coalesce(array_agg(distinct x.agent) filter (where x.agent is not null), '{}')
      from written x
      group by x.sync_group
    )
    select p.is_plain, p.has_calls, p.items, p.refused, p.refusals, p.beaten, p.winners, w.ordinals, w.versions, w.durability, w.durabilities,
      w.is_durable, g.sync_groups, g.move_counts
    into v_is_plain, v_has_calls, v_count, v_refused, v_refusals, v_beaten, v_winners, v_written, v_versions, v_durability, v_durabilities,
      v_is_durable, v_groups, v_move_counts
    from plain p
    cross join (
      select array_agg(x.ordinal) as ordinals, array_agg(x.version) as versions, min(x.durability) as durability,
        case when min(x.durability) <> max(x.durability) then array_agg(x.durability) end as durabilities,
        bool_or(x.durability = 'durable') as is_durable
      from written x
    ) w
    cross join (
      select array_agg(x.sync_group) as sync_groups, array_agg(x.move_count) as move_counts
      from (select distinct w.sync_group, w.move_count from written w) x
    ) g;
    if not v_is_plain then
      raise exception using errcode = 'serialization_failure', message = 'not plain';
    end if;
    if v_written is not null then
      -- Looked at now, with all rows locked: whoever moved one of these entities meanwhile has counted it, and who comes later
      -- waits for this transaction.
      select bool_and(g.move_count is not distinct from x.move_count), v_is_durable or bool_or(g.durability = 'durable')
      into v_is_unmoved, v_is_durable
      from unnest(v_groups, v_move_counts) x(sync_group, move_count)
      left join metadata.sync_groups g on g.tenant_id = p_tenant and g.sync_group = x.sync_group;
      if not v_is_unmoved then
        raise exception using errcode = 'serialization_failure', message = 'an entity was moved';
      end if;
      if v_is_durable and current_setting('synchronous_commit') = 'off' then
        set local synchronous_commit to default;
      end if;
      if cardinality(v_written) = v_count then
        ordinals := v_written;
        versions := v_versions;
        durability := v_durability;
        durabilities := v_durabilities;
        return;
      end if;
    end if;
    v_rest := (
      select jsonb_agg(i.item || jsonb_build_object('ordinal', i.place))
      from jsonb_array_elements(p_items) with ordinality as i(item, place)
      where i.place <> all (coalesce(v_written || v_refused || v_beaten, '{}'))
    );
    v_judged := array(select j from metadata.judge_entries(p_tenant, v_rest) j);
    if exists (select from unnest(v_judged) j where j.refusal is not null or not j.is_same) then
      if v_written is null or v_has_calls or v_beaten is not null then
        raise exception using errcode = 'serialization_failure', message = 'keys that are not there';
      end if;
      -- What is new beside it. Entities are to be locked before entries, so nobody is waited for.
      v_lock_timeout := current_setting('lock_timeout');
      perform set_config('lock_timeout', '1ms', true);
      v_judged := array(
        select row(w.ordinal, null, null, null, null, null, null, null, null, w.durability, null, w.version, w.was_there, null, null, null, null, w.refusal)::metadata.judged_entry
        from metadata.write_entries(p_tenant, v_rest) w
      );
      perform set_config('lock_timeout', v_lock_timeout, true);
    end if;
  exception
    when serialization_failure or lock_not_available then
      v_is_plain := false;
  end;
  -- Where not all of them were written as they came.
  if not v_is_plain then
    select array_agg(w.ordinal), array_agg(w.version), array_agg(w.refusal), array_agg(w.was_there), array_agg(w.durability)
    into ordinals, versions, refusals, were_there, durabilities
    from metadata.write_entries(p_tenant, p_items) w;
    return;
  end if;
  with answered as materialized (
    select u.ordinal, null::text as refusal, u.version, true as was_there, coalesce(u.durability, v_durability) as durability
    from unnest(v_written, v_versions, v_durabilities) as u(ordinal, version, durability)
    union all
    select j.ordinal, j.refusal, j.version, j.is_there, j.durability from unnest(v_judged) j
  )
  select array_agg(a.ordinal), array_agg(a.version), array_agg(a.refusal), array_agg(a.was_there), array_agg(a.durability)
  into ordinals, versions, refusals, were_there, durabilities
  from (
    select a.ordinal, a.refusal, a.version, a.was_there, a.durability from answered a
    union all
    select u.ordinal, u.refusal, null, null, null from unnest(v_refused, v_refusals) as u(ordinal, refusal)
    union all
    select u.ordinal, null, a.version, a.was_there, a.durability
    from unnest(v_beaten, v_winners) as u(ordinal, winner)
    join answered a on a.ordinal = u.winner
  ) a;
end
$$;
comment on function metadata.set_entries_packed(text, jsonb) is 'What metadata.set_entries does; one row of arrays for all items.';
revoke all on function metadata.set_entries_packed(text, jsonb) from public;
grant execute on function metadata.set_entries_packed(text, jsonb) to pgfleet_app;
