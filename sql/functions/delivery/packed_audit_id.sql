-- delivery.packed_audit_id(id, place): of a row of the audit log that holds several entries, any of which has this id, the id of the one at
-- this place: 0 the row's own, that of its entity_id; from 1 those of more_entity_ids. The last five bits of an id are its place.
-- In plpgsql for the same reason as platform.uuid_floor.
create or replace function delivery.packed_audit_id(p_id uuid, p_place integer) returns uuid
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_bytes bytea := uuid_send(p_id);
begin
  return encode(set_byte(v_bytes, 15, (get_byte(v_bytes, 15) & 224) + p_place), 'hex')::uuid;
end
$$;
comment on function delivery.packed_audit_id(uuid, integer) is 'The id of one of the entries that a row of the audit log holds.';
revoke all on function delivery.packed_audit_id(uuid, integer) from public;
grant execute on function delivery.packed_audit_id(uuid, integer) to pgfleet_app, pgfleet_search;
