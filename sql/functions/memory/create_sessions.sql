-- memory.create_sessions(tenant, sessions): creates sessions, active, and returns them in order. Idempotent by id: one that
-- is there stays as it is; an expired one starts anew, without its artifacts. sessions: a jsonb array of {id uuid, data jsonb
-- object, content_hash uuid, retention_days integer}.
-- Errors: PF001..PF003 (platform.enter), PF007 quota, PF012 the id was used for other data.
create or replace function memory.create_sessions(p_tenant text, p_sessions jsonb)
returns table (ordinal integer, session_id uuid, state text, data jsonb, version bigint, retention_days integer,
  created_at timestamptz, updated_at timestamptz, last_accessed_at timestamptz, ended_at timestamptz, expires_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_expired uuid[];
  v_other record;
begin
  perform platform.enter(p_tenant);
  perform platform.check_quota(p_tenant, 'sessions');
  select array_agg(s.session_id order by s.session_id) into v_expired
  from jsonb_to_recordset(p_sessions) as x(id uuid)
  cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
  where s.expires_at <= v_now;
  if v_expired is not null then
    perform memory.drop_sessions(p_tenant, v_expired, v_now);
  end if;
  insert into memory.sessions (tenant_id, session_id, data, content_hash, retention_days, created_at, updated_at, last_accessed_at, expires_at)
  select distinct on (x.id) p_tenant, x.id, x.data, x.content_hash, x.retention_days, v_now, v_now, v_now,
    date_trunc('day', v_now, 'UTC') + make_interval(days => x.retention_days + 1)
  from rows from (
    jsonb_to_recordset(p_sessions) as (id uuid, data jsonb, content_hash uuid, retention_days integer)
  ) with ordinality as x
  order by x.id, x.ordinality
  on conflict (tenant_id, session_id) do nothing;
  select x.ordinality, x.id into v_other
  from rows from (jsonb_to_recordset(p_sessions) as (id uuid, content_hash uuid)) with ordinality as x
  cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
  where s.content_hash <> x.content_hash
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'there is a session % already, created with other data', v_other.id
      using errcode = 'PF012', column = format('sessions[%s].id', v_other.ordinality - 1);
  end if;
  return query
  select x.ordinality::integer, s.session_id, s.state, s.data, s.version, s.retention_days,
    s.created_at, s.updated_at, s.last_accessed_at, s.ended_at, s.expires_at
  from rows from (jsonb_to_recordset(p_sessions) as (id uuid)) with ordinality as x
  cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s;
end
$$;
comment on function memory.create_sessions(text, jsonb) is 'Creates many sessions; idempotent by id.';
revoke all on function memory.create_sessions(text, jsonb) from public;
grant execute on function memory.create_sessions(text, jsonb) to pgfleet_app;
