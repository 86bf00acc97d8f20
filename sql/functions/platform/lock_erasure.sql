-- platform.lock_erasure(tenant, erasure): locks the tenant that is being erased, so that neither a hold nor another who erases
-- it comes in between until the transaction ends, and sets it for the transaction. Part of the steps of an erasure.
-- Errors: PF002 there is no such tenant, PF111 it is not being erased, or by another erasure; PF113 a legal hold stands.
create or replace function platform.lock_erasure(p_tenant text, p_erasure uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
  v_holds_after timestamptz;
begin
  select t.state into v_state from platform.tenants t where t.tenant_id = p_tenant for update;
  if not found then
    raise exception 'there is no tenant %', quote_literal(p_tenant) using errcode = 'PF002';
  end if;
  select e.holds_after into v_holds_after
  from platform.erasures e
  where e.tenant_id = p_tenant and e.erasure_id = p_erasure and e.finished_at is null;
  if not found or v_state <> 'erasing' then
    raise exception 'tenant % is not being erased by erasure %', quote_literal(p_tenant), p_erasure using errcode = 'PF111';
  end if;
  if exists (
    select from platform.legal_holds h where h.tenant_id = p_tenant and h.lifted_at is null and h.placed_at > v_holds_after
  ) then
    raise exception 'a legal hold on tenant % stands', quote_literal(p_tenant) using errcode = 'PF113';
  end if;
  perform set_config('pgfleet.tenant', p_tenant, true);
end
$$;
comment on function platform.lock_erasure(text, uuid) is 'Locks the tenant for a step of its erasure; refuses while a legal hold stands. For the owner.';
revoke all on function platform.lock_erasure(text, uuid) from public;
