-- delivery.record_pipeline_jobs(tenant, jobs): records jobs that another system knows of; idempotent. What a webhook told of a
-- job stands. jobs: a jsonb array with the columns of delivery.pipeline_jobs, kind 'job' and actor_type, actor_id, correlation_id
-- text. Returned in order: whether it was written.
-- Errors: PF001..PF003 (platform.enter).
create or replace function delivery.record_pipeline_jobs(p_tenant text, p_jobs jsonb)
returns table (ordinal integer, written boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- Planned for the table as it is: a plan made while it was empty would outlive that by a whole import.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_mergejoin = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_prefix text;
  v_repository text;
  v_ordinals integer[];
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  -- In one order, so that batches cannot deadlock each other.
  for v_repository in
    select distinct x.repository from jsonb_to_recordset(p_jobs) as x(repository text) order by 1
  loop
    perform pg_advisory_xact_lock(hashtextextended('delivery.webhooks' || chr(10) || p_tenant || chr(10) || v_repository, 0));
  end loop;
  select array_agg(x.ordinality::integer) into v_ordinals
  from (
    select x.*, row_number() over (partition by x.repository, x.job_id order by x.seen collate "C" desc, x.ordinality) as copy
    from rows from (jsonb_to_recordset(p_jobs) as (repository text, job_id bigint, seen text)) with ordinality as x
  ) x
  left join lateral (select * from delivery.pipeline_jobs r where r.tenant_id = p_tenant and r.repository = x.repository and r.job_id = x.job_id limit 1) j on true
  where x.copy = 1 and (j.seen is null or x.seen > j.seen);
  perform delivery.observe_pipeline_jobs(p_tenant, p_jobs, v_prefix);
  return query
  select x.ordinal, x.ordinal = any (coalesce(v_ordinals, '{}'))
  from generate_series(1, jsonb_array_length(p_jobs)) as x(ordinal);
end
$$;
comment on function delivery.record_pipeline_jobs(text, jsonb) is 'Records jobs that another system knows of; idempotent.';
revoke all on function delivery.record_pipeline_jobs(text, jsonb) from public;
grant execute on function delivery.record_pipeline_jobs(text, jsonb) to pgfleet_app;
