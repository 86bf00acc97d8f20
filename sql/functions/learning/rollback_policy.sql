-- learning.rollback_policy(tenant, snapshot): makes an agent type's action values what they were in the snapshot, in one
-- transaction: values learned since are removed or set back, visits included. Concurrent learning waits, or comes after.
-- Returns how many values were restored and removed. Errors: PF001..PF003 (platform.enter), PF013 unknown snapshot.
create or replace function learning.rollback_policy(p_tenant text, p_snapshot_id uuid)
returns table (agent_type text, restored bigint, removed bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_agent_type text;
  v_expires_at timestamptz;
  v_restored bigint;
  v_removed bigint;
begin
  perform platform.enter(p_tenant);
  select s.agent_type, date_trunc('day', v_now, 'UTC') + make_interval(days => t.retention_days + 1)
  into v_agent_type, v_expires_at
  from learning.policy_snapshots s
  join learning.agent_types t on t.tenant_id = s.tenant_id and t.agent_type = s.agent_type
  where s.tenant_id = p_tenant and s.snapshot_id = p_snapshot_id;
  if not found then
    raise exception 'the tenant has no policy snapshot %', p_snapshot_id using errcode = 'PF013', column = 'snapshotId';
  end if;
  -- Locks what is there and makes what is missing, in one pass in the order of the keys, like the batches of
  -- learning.learn, so that neither deadlocks the other. WHERE false locks an existing row and leaves it as it is.
  insert into learning.q_values
    (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate, created_at, updated_at, expires_at, state, action)
  select p_tenant, k.state_hash, v_agent_type, k.action_hash, 0, 0, 0, 0, v_now, v_now, v_now, k.state, k.action
  from (
    select coalesce(s.state_hash, v.state_hash) as state_hash, coalesce(s.action_hash, v.action_hash) as action_hash,
      coalesce(s.state, v.state) as state, coalesce(s.action, v.action) as action
    from (
      select x.* from learning.q_values x where x.tenant_id = p_tenant and x.agent_type = v_agent_type
    ) v
    full join (
      select x.* from learning.policy_snapshot_values x where x.tenant_id = p_tenant and x.snapshot_id = p_snapshot_id
    ) s on s.state_hash = v.state_hash and s.action_hash = v.action_hash
  ) k
  order by k.state_hash, k.action_hash
  on conflict (tenant_id, state_hash, agent_type, action_hash) do update set visits = 0 where false;
  delete from learning.q_values v
  where v.tenant_id = p_tenant and v.agent_type = v_agent_type
    and not exists (
      select from learning.policy_snapshot_values s
      where s.tenant_id = p_tenant and s.snapshot_id = p_snapshot_id and s.state_hash = v.state_hash and s.action_hash = v.action_hash
    );
  get diagnostics v_removed = row_count;
  insert into learning.q_values as v
    (tenant_id, state_hash, agent_type, action_hash, q, q_b, visits, td_error, learning_rate, created_at, updated_at, expires_at, state, action)
  select p_tenant, s.state_hash, v_agent_type, s.action_hash, s.q, s.q_b, s.visits, 0, 0, v_now, v_now, v_expires_at, s.state, s.action
  from learning.policy_snapshot_values s
  where s.tenant_id = p_tenant and s.snapshot_id = p_snapshot_id
  order by s.state_hash, s.action_hash
  on conflict (tenant_id, state_hash, agent_type, action_hash) do update
  set q = excluded.q, q_b = excluded.q_b, visits = excluded.visits, td_error = 0, updated_at = excluded.updated_at, expires_at = excluded.expires_at;
  get diagnostics v_restored = row_count;
  return query select v_agent_type, v_restored, v_removed;
end
$$;
comment on function learning.rollback_policy(text, uuid) is 'Sets an agent type''s action values back to a snapshot.';
revoke all on function learning.rollback_policy(text, uuid) from public;
grant execute on function learning.rollback_policy(text, uuid) to pgfleet_app;
