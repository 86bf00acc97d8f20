-- platform.finish_import(tenant, import): makes the tenant one that can be entered. For pgfleet_owner.
-- Errors: PF111 the tenant is not being imported, or by another import.
create or replace function platform.finish_import(p_tenant text, p_import uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.tenants t set state = 'active', import_id = null
  where t.tenant_id = p_tenant and t.state = 'importing' and t.import_id = p_import;
  if not found then
    raise exception 'tenant % is not being imported by import %', quote_literal(p_tenant), p_import using errcode = 'PF111';
  end if;
end
$$;
comment on function platform.finish_import(text, uuid) is 'Ends an import: the tenant can be entered from then on; for the owner.';
revoke all on function platform.finish_import(text, uuid) from public;
