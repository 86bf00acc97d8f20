-- delivery.transition_workflows(tenant, transitions): starts, pauses, resumes or cancels workflows, in order, and returns
-- them as they are after each. transitions: a jsonb array of {id uuid, verb text (start, pause, resume, cancel), reason text,
-- expected_version bigint, actor_type, actor_id, correlation_id text}. Asking for the status that it is in changes nothing.
-- All of them are applied, or none.
-- Errors: PF001..PF003 (platform.enter), PF042 it is not at the expected version, PF070 no such workflow, PF071 its status
-- does not allow it.
create or replace function delivery.transition_workflows(p_tenant text, p_transitions jsonb)
returns table (ordinal integer, workflow_id uuid, status text, version bigint, started_at timestamptz, ended_at timestamptz, deadline_at timestamptz)
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
  v_prefix text;
  v_now timestamptz;
  v_ids uuid[];
  v_rounds bigint;
  v_bad record;
  v_round record;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  select array_agg(x.id) into v_ids from jsonb_to_recordset(p_transitions) as x(id uuid);
  -- In one order, so that batches cannot deadlock each other.
  perform from delivery.workflows w
  where w.tenant_id = p_tenant and w.workflow_id = any (v_ids)
  order by w.workflow_id
  for no key update;
  -- Behind the locks, so that the times of one workflow go forward.
  v_now := clock_timestamp();
  select max(x.times) into v_rounds
  from (select count(*) as times from jsonb_to_recordset(p_transitions) as x(id uuid) group by x.id) x;
  for v_turn in 1 .. coalesce(v_rounds, 0) loop
    select x.*, w.workflow_id is null as missing, w.status as present, w.version into v_bad
    from (
      select x.*, row_number() over (partition by x.id order by x.ordinality) as round
      from rows from (jsonb_to_recordset(p_transitions) as (id uuid, verb text, expected_version bigint)) with ordinality as x
    ) x
    left join lateral (select * from delivery.workflows r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) w on true
    where x.round = v_turn and (
      w.workflow_id is null or w.version <> x.expected_version
      -- The same status is reached from two others: a paused one is resumed, not started.
      or (x.verb = 'start' and w.status not in ('pending', 'running')) or (x.verb = 'resume' and w.status not in ('paused', 'running'))
    )
    order by x.ordinality
    limit 1;
    if found then
      case
        when v_bad.missing then
          raise exception 'there is no workflow %', v_bad.id
            using errcode = 'PF070', column = format('workflows[%s].id', v_bad.ordinality - 1);
        when v_bad.version <> v_bad.expected_version then
          raise exception 'workflow % is at version %, not %', v_bad.id, v_bad.version, v_bad.expected_version
            using errcode = 'PF042', column = format('workflows[%s].expectedVersion', v_bad.ordinality - 1);
        else
          raise exception 'workflow % is %; from there it may go to: %', v_bad.id, v_bad.present,
              coalesce(nullif(array_to_string(delivery.next_workflow_statuses(v_bad.present), ', '), ''), 'nothing')
            using errcode = 'PF071', column = format('workflows[%s].status', v_bad.ordinality - 1);
      end case;
    end if;
    select array_agg(x.id) as ids, array_agg(s.status) as statuses, array_agg(x.reason) as reasons, array_agg(i.identity) as identities,
      array_agg(format('workflows[%s].status', x.ordinality - 1)) as fields
    into v_round
    from (
      select x.*, row_number() over (partition by x.id order by x.ordinality) as round
      from rows from (
        jsonb_to_recordset(p_transitions) as (id uuid, verb text, reason text, actor_type text, actor_id text, correlation_id text)
      ) with ordinality as x
    ) x
    cross join lateral (select * from delivery.workflows r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) w
    cross join lateral (select case x.verb when 'pause' then 'paused' when 'cancel' then 'cancelled' else 'running' end as status) s
    cross join lateral (
      select jsonb_build_object('actor_type', x.actor_type, 'actor_id', x.actor_id, 'correlation_id', x.correlation_id) as identity
    ) i
    where x.round = v_turn and s.status <> w.status;
    if v_round.ids is not null then
      perform delivery.move_workflows(p_tenant, v_prefix, v_now, v_round.ids, v_round.statuses, v_round.reasons, v_round.identities, v_round.fields);
      -- What was paused may have nothing left to run, and a workflow may have no tasks at all.
      perform delivery.end_workflows(p_tenant, v_prefix, v_now, v_round.ids, v_round.identities);
    end if;
    return query
    select x.ordinality::integer, w.workflow_id, w.status, w.version, w.started_at, w.ended_at, w.deadline_at
    from (
      select x.id, x.ordinality, row_number() over (partition by x.id order by x.ordinality) as round
      from rows from (jsonb_to_recordset(p_transitions) as (id uuid)) with ordinality as x
    ) x
    cross join lateral (select * from delivery.workflows r where r.tenant_id = p_tenant and r.workflow_id = x.id limit 1) w
    where x.round = v_turn;
  end loop;
end
$$;
comment on function delivery.transition_workflows(text, jsonb) is 'Starts, pauses, resumes or cancels many workflows, each in turn; all or none.';
revoke all on function delivery.transition_workflows(text, jsonb) from public;
grant execute on function delivery.transition_workflows(text, jsonb) to pgfleet_app;
