-- delivery.prune_webhooks(tenant, age, limit, identity): forgets deliveries and rejects that came longer ago than `age`, at most
-- `limit` of each; returns how many. What was taken in of them stays. identity: {actor_type, actor_id, correlation_id text}.
create or replace function delivery.prune_webhooks(p_tenant text, p_age interval, p_limit integer, p_identity jsonb) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_prefix text;
  v_deliveries integer;
  v_rejects integer;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  delete from delivery.webhook_deliveries d
  where d.tenant_id = p_tenant and d.delivery_id = any (array(
    select o.delivery_id from delivery.webhook_deliveries o
    where o.tenant_id = p_tenant and o.received_at < now() - p_age
    order by o.received_at
    limit p_limit
  ));
  get diagnostics v_deliveries = row_count;
  delete from delivery.webhook_rejects d
  where d.tenant_id = p_tenant and d.delivery_id = any (array(
    select o.delivery_id from delivery.webhook_rejects o
    where o.tenant_id = p_tenant and o.received_at < now() - p_age
    order by o.received_at
    limit p_limit
  ));
  get diagnostics v_rejects = row_count;
  if v_deliveries + v_rejects > 0 then
    insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
    values (p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'webhook', 'deliveries', 'delete',
      p_identity ->> 'actor_type', p_identity ->> 'actor_id', p_identity ->> 'correlation_id',
      jsonb_build_object('deliveries', v_deliveries, 'rejects', v_rejects));
  end if;
  return v_deliveries + v_rejects;
end
$$;
comment on function delivery.prune_webhooks(text, interval, integer, jsonb) is 'Forgets old deliveries and rejects of webhooks.';
revoke all on function delivery.prune_webhooks(text, interval, integer, jsonb) from public;
grant execute on function delivery.prune_webhooks(text, interval, integer, jsonb) to pgfleet_app;
