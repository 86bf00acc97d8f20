-- delivery.seal_hash(seal): SHA-256 over all of a seal but the hash itself. A seal without workflows, or without agent sessions besides, or
-- without interactions besides, has the hash that it had before there were any in seals.
create or replace function delivery.seal_hash(p_seal delivery.audit_seals) returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return sha256(p_seal.previous_hash || convert_to((jsonb_build_array(
    p_seal.tenant_id, p_seal.seal_number, (extract(epoch from p_seal.sealed_at) * 1000000)::bigint,
    p_seal.to_transaction::text, p_seal.to_sequence, p_seal.audit_ids
  ) || case
    when p_seal.are_workflows is not null then jsonb_build_array(p_seal.are_interactions, p_seal.are_sessions, p_seal.are_workflows)
    when p_seal.are_sessions is not null then jsonb_build_array(p_seal.are_interactions, p_seal.are_sessions)
    when p_seal.are_interactions is not null then jsonb_build_array(p_seal.are_interactions)
    else '[]'::jsonb
  end)::text, 'UTF8') || p_seal.row_hashes);
end
$$;
comment on function delivery.seal_hash(delivery.audit_seals) is 'The hash that a seal has to have.';
revoke all on function delivery.seal_hash(delivery.audit_seals) from public;
grant execute on function delivery.seal_hash(delivery.audit_seals) to pgfleet_app;
