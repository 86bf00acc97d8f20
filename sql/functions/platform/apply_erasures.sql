-- platform.apply_erasures(by, erasure): begins one erasure again that was finished here or elsewhere, though rows of the tenant are there:
-- those of a backup or an archive that was restored since. Looks at the next tombstone behind the given one that stands.
-- A tenant that was made since, under an id that was reused, is another one and is left alone.
-- returns the tombstone that was looked at, its tenant, and the erasure that is under way now, null when nothing was left of the tenant;
-- no row behind the last one. For pgfleet_owner. Errors: PF113 a legal hold stands that was placed after the erasure.
create or replace function platform.apply_erasures(p_by text, p_erasure uuid, p_after_tenant text, p_after_erasure uuid)
returns table (tenant_id text, tombstone_id uuid, erasure_id uuid)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tombstone platform.erasures;
  v_created_at timestamptz;
begin
  select e.* into v_tombstone
  from platform.erasures e
  where e.finished_at is not null and e.reused_at is null and (e.tenant_id, e.erasure_id) > (p_after_tenant, p_after_erasure)
  order by e.tenant_id, e.erasure_id
  limit 1;
  if not found then
    return;
  end if;
  tenant_id := v_tombstone.tenant_id;
  tombstone_id := v_tombstone.erasure_id;
  select t.created_at into v_created_at from platform.tenants t where t.tenant_id = v_tombstone.tenant_id for update;
  if (found and v_created_at <= v_tombstone.started_at)
    or (not found and exists (select from platform.count_tenant_rows(v_tombstone.tenant_id) c)) then
    insert into platform.tenants (tenant_id, created_at) values (v_tombstone.tenant_id, v_tombstone.started_at)
    on conflict (tenant_id) do nothing;
    -- The one that the backup was taken in the middle of, if any, goes on as this one.
    insert into platform.erasures (tenant_id, erasure_id, reason, erased_by, holds_after)
    values (v_tombstone.tenant_id, p_erasure, v_tombstone.reason, p_by, v_tombstone.started_at)
    on conflict (tenant_id) where finished_at is null do nothing;
    select b.erasure_id into erasure_id from platform.begin_erasure(v_tombstone.tenant_id, p_erasure, v_tombstone.reason, p_by) b;
  end if;
  return next;
end
$$;
comment on function platform.apply_erasures(text, uuid, text, uuid) is 'Begins an erasure again whose tenant came back with a backup; for the owner.';
revoke all on function platform.apply_erasures(text, uuid, text, uuid) from public;
