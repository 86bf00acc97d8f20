-- platform.may_retire(tenant): whether maintenance may remove rows of the tenant: false while a legal hold stands. When it may, no hold
-- can be placed until the transaction ends, so that nothing goes once a hold is there.
create or replace function platform.may_retire(p_tenant text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A hold that is placed refers to this row, and waits for it.
  perform from platform.tenants t where t.tenant_id = p_tenant for update;
  return found and not platform.is_held(p_tenant);
end
$$;
comment on function platform.may_retire(text) is 'Whether maintenance may remove rows of a tenant.';
revoke all on function platform.may_retire(text) from public;
grant execute on function platform.may_retire(text) to pgfleet_operator;
