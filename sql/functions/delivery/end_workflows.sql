-- delivery.end_workflows(tenant, prefix, now, ids, identities): ends those of the workflows that are running and have nothing
-- left to run: failed at once when a critical task has failed, and when all tasks have ended failed or completed. For other
-- functions of this schema, which hold the locks of the workflows' rows.
create or replace function delivery.end_workflows(p_tenant text, p_prefix text, p_now timestamptz, p_ids uuid[], p_identities jsonb[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_statuses text[];
  v_reasons text[];
  v_identities jsonb[];
begin
  select array_agg(w.workflow_id), array_agg(case when w.has_failed or w.has_failed_critically then 'failed' else 'completed' end),
    array_agg(case when w.has_failed_critically then 'a critical task failed' when w.has_failed then 'a task failed' end),
    array_agg(p_identities[array_position(p_ids, w.workflow_id)])
  into v_ids, v_statuses, v_reasons, v_identities
  from delivery.workflows w
  where w.tenant_id = p_tenant and w.workflow_id = any (p_ids) and w.status = 'running' and (w.open_tasks = 0 or w.has_failed_critically);
  if v_ids is not null then
    perform delivery.move_workflows(p_tenant, p_prefix, p_now, v_ids, v_statuses, v_reasons, v_identities);
  end if;
end
$$;
comment on function delivery.end_workflows(text, text, timestamptz, uuid[], jsonb[]) is 'Ends running workflows that have nothing left to run.';
revoke all on function delivery.end_workflows(text, text, timestamptz, uuid[], jsonb[]) from public;
grant execute on function delivery.end_workflows(text, text, timestamptz, uuid[], jsonb[]) to pgfleet_app;
