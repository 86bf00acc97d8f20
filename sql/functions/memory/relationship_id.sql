-- memory.relationship_id(subject, type, object): the id of a relationship. A UUID version 8: the first 128 bits of SHA-256
-- over subject, object (16 bytes each) and type, less the version and variant bits, so that whoever names the same three
-- means the same relationship.
create or replace function memory.relationship_id(p_subject uuid, p_type text, p_object uuid) returns uuid
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash constant bytea := sha256(uuid_send(p_subject) || uuid_send(p_object) || convert_to(p_type, 'UTF8'));
begin
  return encode(set_byte(set_byte(substr(v_hash, 1, 16), 6, get_byte(v_hash, 6) & 15 | 128), 8, get_byte(v_hash, 8) & 63 | 128), 'hex')::uuid;
end
$$;
comment on function memory.relationship_id(uuid, text, uuid) is 'The id of the relationship of that subject, type and object.';
revoke all on function memory.relationship_id(uuid, text, uuid) from public;
grant execute on function memory.relationship_id(uuid, text, uuid) to pgfleet_app;
