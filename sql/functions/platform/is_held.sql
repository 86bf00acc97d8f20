-- platform.is_held(tenant): whether a legal hold on the tenant stands, so that nothing of it may be erased or retire. Reads the
-- tenant's holds by key. Sees what its caller sees: pgfleet_owner every tenant, the app the one that was entered.
create or replace function platform.is_held(p_tenant text) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from platform.legal_holds h where h.tenant_id = p_tenant and h.lifted_at is null)
$$;
comment on function platform.is_held(text) is 'Whether a legal hold on the tenant stands.';
revoke all on function platform.is_held(text) from public;
grant execute on function platform.is_held(text) to pgfleet_app;
