-- memory.set_secret(tenant, id, service, version, data key, ciphertext, metadata, rotates): keeps a secret as the active
-- version of its service, and deactivates the one before. The version is a part of what was encrypted: true when it was
-- the next one, false (and nothing done) when another had come first, or with `rotates` when there is none to rotate.
create or replace function memory.set_secret(p_tenant text, p_id uuid, p_service text, p_version integer, p_data_key uuid,
  p_ciphertext bytea, p_metadata jsonb, p_rotates boolean)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_latest integer;
begin
  perform platform.enter(p_tenant);
  -- The rows of one service are locked in one order; whoever comes second sees the first one's version.
  perform from memory.secrets s where s.tenant_id = p_tenant and s.service = p_service order by s.version for update;
  select max(s.version) into v_latest from memory.secrets s where s.tenant_id = p_tenant and s.service = p_service;
  if coalesce(v_latest, 0) + 1 <> p_version
    or (p_rotates and not exists (select from memory.secrets s where s.tenant_id = p_tenant and s.service = p_service and s.is_active)) then
    return false;
  end if;
  update memory.secrets s set is_active = false, deactivated_at = statement_timestamp()
  where s.tenant_id = p_tenant and s.service = p_service and s.is_active;
  insert into memory.secrets (tenant_id, secret_id, service, version, is_active, data_key_id, ciphertext, metadata)
  values (p_tenant, p_id, p_service, p_version, true, p_data_key, p_ciphertext, p_metadata)
  on conflict do nothing;
  if not found then
    -- Another first version: nothing was there to lock.
    raise exception 'another version of the secret is being set' using errcode = '40001';
  end if;
  return true;
end
$$;
comment on function memory.set_secret(text, uuid, text, integer, uuid, bytea, jsonb, boolean) is 'Keeps a secret as the active version of its service.';
revoke all on function memory.set_secret(text, uuid, text, integer, uuid, bytea, jsonb, boolean) from public;
grant execute on function memory.set_secret(text, uuid, text, integer, uuid, bytea, jsonb, boolean) to pgfleet_app;
