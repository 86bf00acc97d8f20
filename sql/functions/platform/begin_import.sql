-- platform.begin_import(tenant, import, display name, quotas, metadata, reuse): makes the tenant that rows are imported for; nobody enters
-- it until platform.finish_import. For pgfleet_owner. Errors: PF001 illegal id, PF011 it exists, PF112 one of that id was erased.
create or replace function platform.begin_import(
  p_tenant text,
  p_import uuid,
  p_display_name text,
  p_quotas jsonb,
  p_metadata jsonb,
  p_reuse boolean
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_tenant is null or p_tenant !~ '^[a-z0-9][a-z0-9._-]{0,62}$' then
    raise exception 'tenant % is not a legal tenant id', coalesce(quote_literal(left(p_tenant, 80)), 'null') using errcode = 'PF001';
  end if;
  insert into platform.tenants (tenant_id, display_name, quotas, metadata, state, import_id)
  values (p_tenant, p_display_name, p_quotas, p_metadata, 'importing', p_import)
  on conflict (tenant_id) do nothing;
  if not found then
    raise exception 'there is a tenant % already', quote_literal(p_tenant) using errcode = 'PF011';
  end if;
  perform platform.reuse_tenant_id(p_tenant, p_reuse);
end
$$;
comment on function platform.begin_import(text, uuid, text, jsonb, jsonb, boolean) is 'Makes a tenant that is to be filled by an import; for the owner.';
revoke all on function platform.begin_import(text, uuid, text, jsonb, jsonb, boolean) from public;
