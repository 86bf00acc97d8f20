-- delivery.seal_audit(tenant, rows): seals the next block of the tenant's audit: rows of transactions below the oldest running
-- one, in the order (transaction_id, sequence), so that none can appear before them any more; at most `rows`.
-- returns how many rows were sealed, the number and hash of the last seal (null when there is none), and whether there is more
-- to seal at once. When another seals at the same moment one of them seals nothing.
-- Errors: PF001..PF003 (platform.enter), PF085 the last seal is of another database.
create or replace function delivery.seal_audit(p_tenant text, p_rows integer default 1000)
returns table (sealed integer, seal_number bigint, seal_hash bytea, more boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  -- Taken before the rows are read: what had ended by then is seen by the statements below.
  v_horizon xid8 := platform.log_transaction(pg_snapshot_xmin(pg_current_snapshot()));
  v_last delivery.audit_seals;
  v_seal delivery.audit_seals;
  v_to record;
  v_from_transaction xid8;
  v_from_sequence bigint;
begin
  perform platform.enter(p_tenant);
  select s.* into v_last from delivery.audit_seals s where s.tenant_id = p_tenant order by s.seal_number desc limit 1;
  if v_last.to_transaction > platform.log_transaction(pg_snapshot_xmax(pg_current_snapshot())) then
    raise exception 'the audit log of tenant % is sealed up to transaction %, and this database has only come to %', p_tenant,
        v_last.to_transaction, platform.log_transaction(pg_snapshot_xmax(pg_current_snapshot()))
      using errcode = 'PF085', column = 'tenant';
  end if;
  -- Variables: a comparison of rows with anything else in it is no condition of an index.
  v_from_transaction := coalesce(v_last.to_transaction, '0'::xid8);
  v_from_sequence := coalesce(v_last.to_sequence, 0);
  sealed := 0;
  seal_number := v_last.seal_number;
  seal_hash := v_last.seal_hash;
  more := false;
  select max(a.transaction_id::text::numeric) as transaction_id, count(*) as rows into v_to
  from (
    select a.transaction_id from delivery.audit a
    where a.tenant_id = p_tenant and not a.is_further and a.transaction_id < v_horizon
      and (a.transaction_id, a.sequence) > (v_from_transaction, v_from_sequence)
    order by a.transaction_id, a.sequence
    limit p_rows
  ) a;
  if v_to.rows = 0 then
    return next;
    return;
  end if;
  v_seal.tenant_id := p_tenant;
  v_seal.seal_number := coalesce(v_last.seal_number, 0) + 1;
  v_seal.sealed_at := clock_timestamp();
  v_seal.previous_hash := coalesce(v_last.seal_hash, decode(repeat('00', 32), 'hex'));
  select array_agg(h.audit_id order by h.place),
    case when bool_or(h.is_interaction) then array_agg(h.is_interaction order by h.place) end,
    case when bool_or(h.is_session) then array_agg(h.is_session order by h.place) end,
    case when bool_or(h.is_workflow) then array_agg(h.is_workflow order by h.place) end, string_agg(h.row_hash, ''::bytea order by h.place),
    (array_agg(h.transaction_id order by h.place desc))[1], (array_agg(h.sequence order by h.place desc))[1]
  into v_seal.audit_ids, v_seal.are_interactions, v_seal.are_sessions, v_seal.are_workflows, v_seal.row_hashes, v_seal.to_transaction,
    v_seal.to_sequence
  from delivery.hash_audit_rows(p_tenant, v_seal.previous_hash, v_from_transaction,
    v_from_sequence, v_to.transaction_id::text::xid8, 9223372036854775807) h
  where h.place <= p_rows;
  v_seal.seal_hash := delivery.seal_hash(v_seal);
  insert into delivery.audit_seals select v_seal.* on conflict (tenant_id, seal_number) do nothing;
  if found then
    sealed := v_to.rows;
    seal_number := v_seal.seal_number;
    seal_hash := v_seal.seal_hash;
  end if;
  -- The other's seal may have left some.
  more := not found or v_to.rows = p_rows;
  return next;
end
$$;
comment on function delivery.seal_audit(text, integer) is 'Seals the next block of the audit.';
revoke all on function delivery.seal_audit(text, integer) from public;
grant execute on function delivery.seal_audit(text, integer) to pgfleet_app;
