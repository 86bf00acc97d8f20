-- delivery.claim_jobs_packed(tenant, requests): what delivery.claim_jobs does, answered by what jobs have in common: a JSON object for each job is
-- work for the server, which makes it, and for the process that reads it.
--
-- returns a row a request that was given something; jobs: a JSON array of objects, each of jobs of one workflow with the same attempt,
-- attempts_left, expires_at and timeout_at:
--   workflow_id text; attempt, attempts_left numbers; expires_at, timeout_at texts, the latter null without a time-out
--   claimed, places: arrays of task numbers in the order of the claim, and of their places in it, which ascend
--   numbers, names, types, payloads: arrays of the same tasks, in some order
--   needs: an array beside them of the results of the dependencies by name, null for a task without; null for all when no task of the object has dependencies
-- Errors: as claim_jobs.
create or replace function delivery.claim_jobs_packed(p_tenant text, p_requests jsonb)
returns table (ordinal integer, jobs json)
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
  -- As a limit: of one that it does not know the planner expects a tenth of the rows, and so goes from what it has at hand to the places of the rows
  -- that are changed. Where it takes a table for small it reads all rows of the tenant instead, and the plan stays when the table has grown.
  c_all constant bigint := 9223372036854775807;
  v_now timestamptz;
  v_prefix text;
  v_group record;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  v_now := clock_timestamp();
  if exists (
    select from delivery.workflows w
    where w.tenant_id = p_tenant and w.status in ('running', 'paused') and w.deadline_at is not null and w.deadline_at <= v_now
  ) or exists (
    select from delivery.jobs j
    where j.tenant_id = p_tenant and j.attempts_left = 0 and not j.held and j.available_at <= v_now
  ) then
    perform delivery.expire_workflows(p_tenant, 100);
  end if;
  for v_group in
    select x.channels, sum(x."limit")::integer as jobs_max,
      -- Which request the n-th job goes to, and what that asked for.
      array(
        select q.place from unnest(array_agg(x."limit" order by x.ordinality)) with ordinality as q("limit", place)
        cross join lateral generate_series(1, q."limit")
        order by q.place
      ) as places,
      array_agg(x.ordinality order by x.ordinality) as ordinals, array_agg(x.lease order by x.ordinality) as leases,
      array_agg(x.lease_ms * interval '1 millisecond' order by x.ordinality) as lengths, array_agg(x.worker order by x.ordinality) as workers,
      array_agg(x.actor_type order by x.ordinality) as actor_types, array_agg(x.actor_id order by x.ordinality) as actor_ids,
      array_agg(x.correlation_id order by x.ordinality) as correlation_ids, array_agg(x.caller order by x.ordinality) as callers
    from (
      -- Of each request the place of the first that the same worker made for the same actor.
      select p.*, min(p.place) over (partition by p.channels, p.worker, p.actor_type, p.actor_id, p.correlation_id) as caller
      from (
        select r.*, row_number() over (partition by r.channels order by r.ordinality) as place
        from rows from (
          jsonb_to_recordset(p_requests) as (channels text[], "limit" integer, lease uuid, lease_ms integer, worker text, actor_type text,
            actor_id text, correlation_id text)
        ) with ordinality as r
      ) p
    ) x
    group by x.channels
    order by min(x.ordinality)
  loop
    return query
    with picked as materialized (
      select p.place, p.n, v_group.places[p.n] as request
      -- All are locked before the first is changed: of two that claim at the same time one finds its jobs behind the other's, not between them.
      from unnest(array(
        select c.place
        from (
          select c.channel, r.rank, a.available_at
          from unnest(v_group.channels) as c(channel)
          cross join generate_series(0, 10) as r(rank)
          cross join lateral (
            select j.available_at from delivery.jobs j
            where j.tenant_id = p_tenant and j.channel = c.channel and j.rank = r.rank and j.attempts_left > 0 and not j.held
              and j.available_at <= v_now
            order by j.available_at
            limit 1
          ) a
          order by r.rank, a.available_at
        ) h
        cross join lateral (
          select j.ctid as place from delivery.jobs j
          where j.tenant_id = p_tenant and j.channel = h.channel and j.rank = h.rank and j.attempts_left > 0 and not j.held
            and j.available_at <= v_now
          order by j.available_at
          limit v_group.jobs_max
          for update skip locked
        ) c
        limit v_group.jobs_max
      )) with ordinality as p(place, n)
      limit c_all
    ),
    claimed as (
      update delivery.jobs j
      set lease = v_group.leases[p.request], leased_at = v_now, worker = v_group.workers[p.request], attempt = j.attempt + 1,
        attempts_left = j.attempts_left - 1, timeout_at = v_now + j.timeout_ms * interval '1 millisecond',
        available_at = least(v_now + v_group.lengths[p.request], v_now + j.timeout_ms * interval '1 millisecond')
      from picked p
      where j.ctid = p.place
      returning p.n, p.request, j.workflow_id, j.task_number, j.attempt, j.attempts_left, j.available_at, j.timeout_at
    ),
    audited as (
      insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, more_entity_ids, workflow_ids, action, actor_type, actor_id, correlation_id, changes)
      select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'task',
        (array_agg(c.entity))[1], nullif((array_agg(c.entity))[2:], '{}'),
        case when count(*) > 1 then array_agg(distinct c.workflow_id) end, 'start',
        v_group.actor_types[c.caller], v_group.actor_ids[c.caller], v_group.correlation_ids[c.caller],
        jsonb_build_object('status', '["pending", "running"]'::jsonb, 'attempt', c.attempt, 'worker', v_group.workers[c.caller])
      from (
        select a.workflow_id, a.workflow_id || '/' || a.task_number as entity, a.attempt, a.n, v_group.callers[a.request] as caller from claimed a
      ) c
      -- What a row may hold: delivery.audit_prefix.
      group by c.caller, c.attempt, c.n / 32
    )
    select v_group.ordinals[g.request]::integer, json_agg(json_build_object('workflow_id', g.workflow_id, 'attempt', g.attempt,
      'attempts_left', g.attempts_left, 'expires_at', g.available_at, 'timeout_at', g.timeout_at, 'claimed', g.claimed, 'places', g.places,
      'numbers', t.numbers, 'names', t.names, 'types', t.types, 'payloads', t.payloads, 'needs', t.needs))
    from (
      select c.request, c.workflow_id, c.attempt, c.attempts_left, c.available_at, c.timeout_at, array_agg(c.task_number) as claimed,
        array_agg(c.n) as places
      from claimed c
      group by c.request, c.workflow_id, c.attempt, c.attempts_left, c.available_at, c.timeout_at
    ) g
    -- All of a workflow in one look at the index.
    cross join lateral (
      select array_agg(r.task_number) as numbers, array_agg(r.name) as names, array_agg(r.task_type) as types, array_agg(r.payload) as payloads,
        case when bool_or(cardinality(r.dependencies) > 0) then array_agg(case when cardinality(r.dependencies) > 0 then (
          select json_object_agg(d.name, d.result)
          from delivery.workflow_tasks d
          where d.tenant_id = p_tenant and d.workflow_id = g.workflow_id and d.task_number = any (r.dependencies) and d.status = 'completed'
        ) end) end as needs
      from delivery.workflow_tasks r
      where r.tenant_id = p_tenant and r.workflow_id = g.workflow_id and r.task_number = any (g.claimed)
    ) t
    group by g.request;
  end loop;
end
$$;
comment on function delivery.claim_jobs_packed(text, jsonb) is 'What claim_jobs does, answered by what jobs have in common.';
revoke all on function delivery.claim_jobs_packed(text, jsonb) from public;
grant execute on function delivery.claim_jobs_packed(text, jsonb) to pgfleet_app;
