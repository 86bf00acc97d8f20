-- delivery.reject_webhook(tenant, delivery id, event, reason, payload, identity): keeps a webhook aside that cannot be taken in,
-- without the values of secret-like names. A delivery that comes again changes nothing. identity: {actor_type, actor_id,
-- correlation_id text}.
create or replace function delivery.reject_webhook(p_tenant text, p_delivery_id text, p_event text, p_reason text, p_payload jsonb, p_identity jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_prefix text;
begin
  perform platform.enter(p_tenant);
  v_prefix := delivery.audit_prefix();
  with kept as (
    insert into delivery.webhook_rejects (tenant_id, delivery_id, event, reason, payload)
    values (p_tenant, p_delivery_id, p_event, p_reason, delivery.redact(p_payload))
    on conflict (tenant_id, delivery_id) do nothing
    returning delivery_id
  )
  insert into delivery.audit_log (tenant_id, audit_id, entity_type, entity_id, action, result, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'webhook', k.delivery_id, 'reject', 'failure',
    coalesce(p_identity ->> 'actor_type', 'webhook'), p_identity ->> 'actor_id', p_identity ->> 'correlation_id',
    jsonb_build_object('event', p_event, 'reason', p_reason)
  from kept k;
end
$$;
comment on function delivery.reject_webhook(text, text, text, text, jsonb, jsonb) is 'Keeps a webhook aside that cannot be taken in.';
revoke all on function delivery.reject_webhook(text, text, text, text, jsonb, jsonb) from public;
grant execute on function delivery.reject_webhook(text, text, text, text, jsonb, jsonb) to pgfleet_app;
