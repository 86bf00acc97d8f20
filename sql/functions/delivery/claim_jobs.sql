-- delivery.claim_jobs(tenant, requests): leases jobs to workers, by priority and then by age (of several channels, the one
-- whose first job is oldest comes first), and returns them in one row a request. requests: a jsonb array of {channels jsonb array of text, limit
-- integer, lease uuid (made by the caller, another one each time), lease_ms integer, worker text, actor_type, actor_id,
-- correlation_id text}. Requests for the same channels are served together, in their order. Whoever claims at the same time
-- gets other jobs and waits for nobody. A lease that ran out is claimed again, as a further attempt.
-- jobs: a JSON array of {workflow_id, task_number, name, type, payload, attempt, attempts_left, expires_at, timeout_at, needs
-- (results of the dependencies by name)}.
-- For processes of the version before; delivery.claim_jobs_packed does it.
-- Errors: PF001..PF003 (platform.enter).
create or replace function delivery.claim_jobs(p_tenant text, p_requests jsonb)
returns table (ordinal integer, jobs json)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select p.ordinal, json_agg(j order by o.place)
  from delivery.claim_jobs_packed(p_tenant, p_requests) p
  cross join lateral json_to_recordset(p.jobs) as g(workflow_id uuid, attempt integer, attempts_left integer, expires_at timestamptz,
    timeout_at timestamptz, claimed integer[], places bigint[], numbers integer[], names text[], types text[], payloads json, needs json)
  cross join lateral unnest(g.claimed, g.places) as o(task_number, place)
  cross join lateral (
    select g.workflow_id, t.task_number, t.name, t.type, g.payloads -> (t.n - 1)::integer as payload, g.attempt, g.attempts_left, g.expires_at,
      g.timeout_at, nullif((g.needs -> (t.n - 1)::integer)::text, 'null')::json as needs
    from unnest(g.numbers, g.names, g.types) with ordinality as t(task_number, name, type, n)
    where t.task_number = o.task_number
  ) j
  group by p.ordinal;
end
$$;
comment on function delivery.claim_jobs(text, jsonb) is 'Leases jobs to workers, by priority and age; requests of many workers at once.';
revoke all on function delivery.claim_jobs(text, jsonb) from public;
grant execute on function delivery.claim_jobs(text, jsonb) to pgfleet_app;
