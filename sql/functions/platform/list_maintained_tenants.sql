-- platform.list_maintained_tenants(after, limit): tenants behind that one, by id.
create or replace function platform.list_maintained_tenants(p_after text, p_limit integer) returns table (tenant_id text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select t.tenant_id from platform.tenants t
  where t.tenant_id > p_after
  order by t.tenant_id
  limit p_limit;
end
$$;
comment on function platform.list_maintained_tenants(text, integer) is 'Tenants in the order in which maintenance visits them.';
revoke all on function platform.list_maintained_tenants(text, integer) from public;
grant execute on function platform.list_maintained_tenants(text, integer) to pgfleet_operator;
