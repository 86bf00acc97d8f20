-- delivery.verify_audit(tenant, seal, hash, seals): compares the next seals behind a seal with the entries of the audit, up to the
-- first that does not hold. seal and hash: where the walk stands; 0 and null at the beginning.
-- Rows are compared and counted: one that holds several entries is one.
-- returns one row: the last seal that was looked at and its hash, how many seals and rows were compared, how many rows had
-- retired with their month, whether there are more seals; and what does not hold: problem altered, removed, reordered or inserted with
-- the row's id, or seal_altered or seal_removed; null when all does. Behind the last seal: how many rows are not sealed yet.
-- A row has retired when the partition of its month is gone and the month lies wholly beyond the retention; an interaction also when
-- the tenant's own retention has come past it (delivery.interaction_floors). Agent sessions and workflows are there as long as
-- their tenant.
-- Errors: PF001..PF003 (platform.enter).
create or replace function delivery.verify_audit(p_tenant text, p_seal bigint, p_hash bytea, p_seals integer default 100)
returns table (seal_number bigint, seal_hash bytea, seals integer, rows bigint, retired bigint, more boolean, problem text, audit_id uuid, unsealed bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_seal delivery.audit_seals;
  v_from_transaction xid8 := '0'::xid8;
  v_from_sequence bigint := 0;
  v_kept_from timestamptz;
  v_interactions_from timestamptz;
  v_floor uuid;
  v_found record;
begin
  perform platform.enter(p_tenant);
  select now() - r.retention into v_kept_from
  from platform.partitioned_tables r
  where r.schema_name = 'delivery' and r.table_name = 'audit_log';
  -- A month of which all tenants want less goes before the registered time.
  select now() - least(r.retention, p.keep) into v_interactions_from
  from platform.partitioned_tables r
  left join platform.retention_policies p
    on p.tenant_id = p_tenant and p.schema_name = r.schema_name and p.table_name = r.table_name
  where r.schema_name = 'delivery' and r.table_name = 'agent_interactions';
  v_floor := coalesce((select f.removed_below from delivery.interaction_floors f where f.tenant_id = p_tenant), platform.uuid_floor('epoch'));
  seal_number := p_seal;
  seal_hash := coalesce(p_hash, decode(repeat('00', 32), 'hex'));
  seals := 0;
  rows := 0;
  retired := 0;
  if p_seal > 0 then
    select s.to_transaction, s.to_sequence into v_from_transaction, v_from_sequence
    from delivery.audit_seals s
    where s.tenant_id = p_tenant and s.seal_number = p_seal;
  end if;
  for v_seal in
    select s.* from delivery.audit_seals s
    where s.tenant_id = p_tenant and s.seal_number > p_seal
    order by s.seal_number
    limit p_seals
  loop
    if v_seal.seal_number <> seal_number + 1 then
      seal_number := seal_number + 1;
      problem := 'seal_removed';
      exit;
    end if;
    seal_number := v_seal.seal_number;
    if v_seal.previous_hash <> seal_hash or v_seal.seal_hash <> delivery.seal_hash(v_seal) then
      problem := 'seal_altered';
      exit;
    end if;
    -- What should be there, and what is, place by place: the first place that differs tells.
    with listed as materialized (
      select u.id, u.place, substr(v_seal.row_hashes, (u.place * 32 - 31)::integer, 32) as row_hash,
        case
          when v_seal.are_interactions[u.place] then u.id < v_floor or delivery.is_retired(u.id, 'agent_interactions', v_interactions_from)
          when v_seal.are_sessions[u.place] or v_seal.are_workflows[u.place] then false
          else delivery.is_retired(u.id, 'audit_log', v_kept_from)
        end as is_retired
      from unnest(v_seal.audit_ids) with ordinality as u(id, place)
    ),
    sealed as (
      select row_number() over (order by l.place) as place, l.id, l.row_hash
      from listed l
      where not l.is_retired
    ),
    present as materialized (
      select row_number() over (order by h.place) as place, h.audit_id, h.row_hash
      from delivery.hash_audit_rows(p_tenant, v_seal.previous_hash, v_from_transaction, v_from_sequence,
        v_seal.to_transaction, v_seal.to_sequence) h
      -- A row that has retired may be there for a while yet.
      where not (h.is_interaction and h.audit_id < v_floor)
    ),
    differing as (
      select s.id as sealed_id, p.audit_id as present_id
      from sealed s
      full join present p on p.place = s.place
      where s.id is distinct from p.audit_id or s.row_hash <> p.row_hash
      order by coalesce(s.place, p.place)
      limit 1
    )
    select d.*, (select count(*) from listed l where l.is_retired) as retired,
      exists (select from sealed s where s.id = d.present_id) as present_is_sealed,
      exists (select from present p where p.audit_id = d.sealed_id) as sealed_is_present,
      exists (select from delivery.audit a where a.tenant_id = p_tenant and not a.is_further and a.audit_id = d.sealed_id) as sealed_is_elsewhere
    into v_found
    from (values (1)) as one(one)
    left join differing d on true;
    if v_found.sealed_id is not null or v_found.present_id is not null then
      case
        when v_found.sealed_id = v_found.present_id then
          problem := 'altered';
          audit_id := v_found.sealed_id;
        when v_found.sealed_id is null or (v_found.sealed_is_present and not v_found.present_is_sealed) then
          problem := 'inserted';
          audit_id := v_found.present_id;
        when v_found.sealed_is_present or v_found.sealed_is_elsewhere then
          problem := 'reordered';
          audit_id := v_found.sealed_id;
        else
          problem := 'removed';
          audit_id := v_found.sealed_id;
      end case;
      exit;
    end if;
    seal_hash := v_seal.seal_hash;
    seals := seals + 1;
    rows := rows + cardinality(v_seal.audit_ids) - v_found.retired;
    retired := retired + v_found.retired;
    v_from_transaction := v_seal.to_transaction;
    v_from_sequence := v_seal.to_sequence;
  end loop;
  more := problem is null and seals = p_seals;
  if problem is null and not more then
    select count(*) into unsealed
    from delivery.audit a
    where a.tenant_id = p_tenant and not a.is_further and (a.transaction_id, a.sequence) > (v_from_transaction, v_from_sequence);
  end if;
  return next;
end
$$;
comment on function delivery.verify_audit(text, bigint, bytea, integer) is 'Compares the audit with its seals, up to the first entry that does not hold.';
revoke all on function delivery.verify_audit(text, bigint, bytea, integer) from public;
grant execute on function delivery.verify_audit(text, bigint, bytea, integer) to pgfleet_app;
