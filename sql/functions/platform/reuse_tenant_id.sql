-- platform.reuse_tenant_id(tenant, reuse): refuses an id whose tombstone stands, or lets the tombstone go when it is to be
-- reused. Part of platform.create_tenant and platform.begin_import. For pgfleet_owner.
-- Errors: PF112 a tenant of that id was erased.
create or replace function platform.reuse_tenant_id(p_tenant text, p_reuse boolean) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_reuse then
    update platform.erasures e set reused_at = now() where e.tenant_id = p_tenant and e.reused_at is null;
  elsif exists (select from platform.erasures e where e.tenant_id = p_tenant and e.reused_at is null) then
    raise exception 'a tenant % was erased', quote_literal(p_tenant) using errcode = 'PF112';
  end if;
end
$$;
comment on function platform.reuse_tenant_id(text, boolean) is 'Refuses the id of an erased tenant, unless it is to be reused; for the owner.';
revoke all on function platform.reuse_tenant_id(text, boolean) from public;
