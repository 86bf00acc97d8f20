-- platform.create_tenant(tenant, display name, quotas, metadata, reuse): makes the tenant and gives every store its defaults.
-- The id of a tenant that was erased is refused, unless it is to be reused. For pgfleet_owner; leaves the transaction inside the
-- new tenant. Errors: PF001 illegal id, PF011 it exists, PF112 one of that id was erased.
create or replace function platform.create_tenant(
  p_tenant text,
  p_display_name text default null,
  p_quotas jsonb default '{}'::jsonb,
  p_metadata jsonb default '{}'::jsonb,
  p_reuse boolean default false
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_tenant is null or p_tenant !~ '^[a-z0-9][a-z0-9._-]{0,62}$' then
    raise exception 'tenant % is not a legal tenant id', coalesce(quote_literal(left(p_tenant, 80)), 'null')
      using errcode = 'PF001';
  end if;
  insert into platform.tenants (tenant_id, display_name, quotas, metadata)
  values (p_tenant, p_display_name, p_quotas, p_metadata)
  on conflict (tenant_id) do nothing;
  if not found then
    raise exception 'there is a tenant % already', quote_literal(p_tenant) using errcode = 'PF011';
  end if;
  perform platform.reuse_tenant_id(p_tenant, p_reuse);
  perform platform.enter(p_tenant);
  perform learning.provision(p_tenant);
  perform metadata.provision(p_tenant);
end
$$;
comment on function platform.create_tenant(text, text, jsonb, jsonb, boolean) is 'Makes a tenant with its defaults in every store; for the owner.';
revoke all on function platform.create_tenant(text, text, jsonb, jsonb, boolean) from public;
