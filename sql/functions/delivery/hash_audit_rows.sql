-- delivery.hash_audit_rows(tenant, previous, from, to): the tenant's rows of the audit behind one place and up to another, in
-- their order, each with the SHA-256 over `previous` and its canonical content: a JSON array of its columns in PostgreSQL's
-- own text of jsonb, with times as microseconds, so that no setting changes it; of an interaction also what was asked and answered, and
-- of a row that holds several entries their entities.
-- Errors: none of its own; the caller has entered the tenant.
create or replace function delivery.hash_audit_rows(
  p_tenant text,
  p_previous bytea,
  p_from_transaction xid8,
  p_from_sequence bigint,
  p_to_transaction xid8,
  p_to_sequence bigint
)
returns table (place bigint, audit_id uuid, is_interaction boolean, is_session boolean, is_workflow boolean, transaction_id xid8, sequence bigint, row_hash bytea)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
begin
  return query
  select row_number() over (order by a.transaction_id, a.sequence), a.audit_id, a.is_interaction, a.is_session, a.is_workflow,
    a.transaction_id, a.sequence,
    sha256(p_previous || convert_to((jsonb_build_array(
      a.tenant_id, a.audit_id, a.transaction_id::text, a.sequence, (extract(epoch from a.recorded_at) * 1000000)::bigint,
      a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes
    ) || coalesce(a.content, '[]'::jsonb))::text, 'UTF8'))
  from delivery.audit a
  where a.tenant_id = p_tenant and not a.is_further
    and (a.transaction_id, a.sequence) > (p_from_transaction, p_from_sequence)
    and (a.transaction_id, a.sequence) <= (p_to_transaction, p_to_sequence)
  order by a.transaction_id, a.sequence;
end
$$;
comment on function delivery.hash_audit_rows(text, bytea, xid8, bigint, xid8, bigint) is 'A stretch of the audit with the hash of each entry.';
revoke all on function delivery.hash_audit_rows(text, bytea, xid8, bigint, xid8, bigint) from public;
grant execute on function delivery.hash_audit_rows(text, bytea, xid8, bigint, xid8, bigint) to pgfleet_app;
