-- platform.check_quota(tenant, resource): refuses with PF007 when the tenant's last measured row count has reached its
-- quota. Reads two rows by key; without a quota, one. Quotas are as exact as the last measurement
-- (platform.measure_usage): counting on every insert would make all writers of a tenant wait for one row.
create or replace function platform.check_quota(p_tenant text, p_resource text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit numeric;
  v_used bigint;
begin
  select (t.quotas ->> p_resource)::numeric into v_limit from platform.tenants t where t.tenant_id = p_tenant;
  if v_limit is null then
    return;
  end if;
  select u.row_count into v_used from platform.tenant_usage u where u.tenant_id = p_tenant and u.resource = p_resource;
  if v_used >= v_limit then
    raise exception 'tenant % holds % rows of %, its quota is %', quote_literal(p_tenant), v_used, p_resource, v_limit
      using errcode = 'PF007';
  end if;
end
$$;
comment on function platform.check_quota(text, text) is 'Refuses when the tenant''s measured rows have reached its quota.';
revoke all on function platform.check_quota(text, text) from public;
grant execute on function platform.check_quota(text, text) to pgfleet_app;
