-- platform.begin_erasure(tenant, erasure, reason, by): marks the tenant as being erased, so that nobody enters it any more, and
-- writes the tombstone, with the head of the audit chain. Where an erasure is under way, goes on with that one. A tenant that was being
-- imported is cleaned up: its holds are those of where it came from.
-- returns the id of the erasure, and whether it is a new one. For pgfleet_owner.
-- Errors: PF001 illegal id, PF002 there is no such tenant, PF113 a legal hold stands.
create or replace function platform.begin_erasure(p_tenant text, p_erasure uuid, p_reason text, p_by text)
returns table (erasure_id uuid, is_new boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_state text;
begin
  select t.state into v_state from platform.tenants t where t.tenant_id = p_tenant for update;
  if not found then
    raise exception 'there is no tenant %', quote_literal(p_tenant) using errcode = 'PF002';
  end if;
  perform set_config('pgfleet.tenant', p_tenant, true);
  select e.erasure_id, false into erasure_id, is_new
  from platform.erasures e
  where e.tenant_id = p_tenant and e.finished_at is null;
  if not found then
    erasure_id := p_erasure;
    is_new := true;
    insert into platform.erasures (tenant_id, erasure_id, reason, erased_by, of_import, holds_after, seal_number, seal_hash)
    select p_tenant, p_erasure, p_reason, p_by, v_state = 'importing',
      case when v_state = 'importing' then 'infinity'::timestamptz else '-infinity' end, s.seal_number, s.seal_hash
    from (values (1)) as one(one)
    left join lateral (
      select a.seal_number, a.seal_hash from delivery.audit_seals a where a.tenant_id = p_tenant order by a.seal_number desc limit 1
    ) s on true;
  end if;
  update platform.tenants t set state = 'erasing' where t.tenant_id = p_tenant;
  -- Refuses while a hold stands; then nothing of this remains.
  perform platform.lock_erasure(p_tenant, erasure_id);
  return next;
end
$$;
comment on function platform.begin_erasure(text, uuid, text, text) is 'Marks a tenant as being erased, and writes its tombstone; for the owner.';
revoke all on function platform.begin_erasure(text, uuid, text, text) from public;
