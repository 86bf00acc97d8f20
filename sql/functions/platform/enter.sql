-- platform.enter(tenant): the first statement of whatever touches a tenant's rows. Sets the tenant and the
-- unprivileged role for this transaction only, so that row-level security decides, whoever logged in; and no compiling.
-- Errors: PF001 tenant null, empty or illegal; PF002 unknown tenant; PF003 another tenant was entered before in this
-- transaction; PF111 the tenant is being erased or imported. Entering the same tenant again is harmless.
create or replace function platform.enter(p_tenant text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_entered text := current_setting('pgfleet.tenant', true);
  v_state text;
begin
  if p_tenant is null or p_tenant !~ '^[a-z0-9][a-z0-9._-]{0,62}$' then
    raise exception 'tenant % is not a legal tenant id', coalesce(quote_literal(left(p_tenant, 80)), 'null')
      using errcode = 'PF001';
  end if;
  if v_entered <> '' and v_entered <> p_tenant then
    raise exception 'this transaction works for tenant %, not for %', quote_literal(v_entered), quote_literal(p_tenant)
      using errcode = 'PF003';
  end if;
  -- Before PostgreSQL 18 a plan that has to use what a function's enable_* settings forbid, a sort or a scan of a few rows, counts
  -- as immensely costly, and would be compiled at each call: a tenth of a second for a millisecond of work.
  perform set_config('pgfleet.tenant', p_tenant, true), set_config('jit', 'off', true);
  if current_user <> 'pgfleet_app' then
    perform set_config('role', 'pgfleet_app', true);
  end if;
  select t.state into v_state from platform.tenants t where t.tenant_id = p_tenant;
  if v_state is distinct from 'active' then
    if v_state is null then
      raise exception 'there is no tenant %', quote_literal(p_tenant) using errcode = 'PF002';
    end if;
    raise exception 'tenant % is %', quote_literal(p_tenant), case v_state when 'erasing' then 'being erased' else 'being imported' end
      using errcode = 'PF111';
  end if;
end
$$;
comment on function platform.enter(text) is 'Sets the tenant and the unprivileged role for this transaction; refuses an empty, unknown, unavailable or second tenant.';
revoke all on function platform.enter(text) from public;
grant execute on function platform.enter(text) to pgfleet_app, pgfleet_operator;
