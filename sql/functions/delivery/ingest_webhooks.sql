-- delivery.ingest_webhooks(tenant, deliveries): takes in what GitHub's webhooks tell, whole deliveries at a time; idempotent by
-- delivery id, and right when they come late or out of order. deliveries: a jsonb array of {delivery_id, event, action, repository,
-- sender text, facts jsonb array, actor_type, actor_id, correlation_id text}; the facts are those of delivery.observe_*. Returned
-- in order: whether the delivery was taken in before.
-- Deliveries of one repository are taken in one after the other: what is derived from several of them misses none.
-- Errors: PF001..PF003 (platform.enter).
create or replace function delivery.ingest_webhooks(p_tenant text, p_deliveries jsonb)
returns table (ordinal integer, replayed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_prefix text;
  v_repository text;
  v_before text[];
  v_facts jsonb;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  -- In one order, so that batches cannot deadlock each other.
  for v_repository in
    select distinct x.repository from jsonb_to_recordset(p_deliveries) as x(repository text) order by 1
  loop
    perform pg_advisory_xact_lock(hashtextextended('delivery.webhooks' || chr(10) || p_tenant || chr(10) || v_repository, 0));
  end loop;
  select coalesce(array_agg(b.delivery_id), '{}') into v_before
  from jsonb_to_recordset(p_deliveries) as x(delivery_id text)
  cross join lateral (select * from delivery.webhook_deliveries r where r.tenant_id = p_tenant and r.delivery_id = x.delivery_id limit 1) b;
  insert into delivery.webhook_deliveries (tenant_id, delivery_id, event, action)
  select distinct on (x.delivery_id) p_tenant, x.delivery_id, x.event, x.action
  from rows from (jsonb_to_recordset(p_deliveries) as (delivery_id text, event text, action text)) with ordinality as x
  order by x.delivery_id, x.ordinality
  on conflict (tenant_id, delivery_id) do nothing;
  select jsonb_agg(f.value || jsonb_strip_nulls(jsonb_build_object('actor_type', coalesce(x.actor_type, 'webhook'),
    'actor_id', coalesce(x.actor_id, x.sender), 'correlation_id', coalesce(x.correlation_id, x.delivery_id))) order by x.ordinality, f.ordinality) into v_facts
  from (
    select x.*, row_number() over (partition by x.delivery_id order by x.ordinality) as copy
    from rows from (
      jsonb_to_recordset(p_deliveries) as (delivery_id text, sender text, facts jsonb, actor_type text, actor_id text, correlation_id text)
    ) with ordinality as x
  ) x
  cross join lateral jsonb_array_elements(x.facts) with ordinality f
  where x.copy = 1 and x.delivery_id <> all (v_before);
  if v_facts @> '[{"kind": "push"}]' then
    perform delivery.observe_branches(p_tenant, v_facts, v_prefix);
  end if;
  if v_facts @> '[{"kind": "job"}]' then
    perform delivery.observe_pipeline_jobs(p_tenant, v_facts, v_prefix);
  end if;
  if v_facts @> '[{"kind": "deployment"}]' then
    perform delivery.observe_deployments(p_tenant, v_facts, v_prefix);
  end if;
  if v_facts @> '[{"kind": "run"}]' then
    perform delivery.observe_pipeline_runs(p_tenant, v_facts, v_prefix);
  end if;
  if v_facts @> '[{"kind": "check"}]' then
    perform delivery.observe_checks(p_tenant, v_facts, v_prefix);
  end if;
  -- Behind the checks that its status follows from.
  if v_facts @> '[{"kind": "pull_request"}]' or v_facts @> '[{"kind": "check"}]' or v_facts @> '[{"kind": "run"}]' then
    perform delivery.observe_pull_requests(p_tenant, v_facts, v_prefix);
  end if;
  return query
  select x.ordinality::integer, x.delivery_id = any (v_before) or row_number() over (partition by x.delivery_id order by x.ordinality) > 1
  from rows from (jsonb_to_recordset(p_deliveries) as (delivery_id text)) with ordinality as x;
end
$$;
comment on function delivery.ingest_webhooks(text, jsonb) is 'Takes in what webhooks tell; idempotent by delivery id, whatever their order.';
revoke all on function delivery.ingest_webhooks(text, jsonb) from public;
grant execute on function delivery.ingest_webhooks(text, jsonb) to pgfleet_app;
