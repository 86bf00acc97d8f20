-- memory.relationship_id(subject, type, object): the id of a relationship. A UUID version 8: the first 128 bits of SHA-256
-- over the three, less the version and variant bits, so that whoever names the same three means the same relationship.
create or replace function memory.relationship_id(p_subject uuid, p_type text, p_object uuid) returns uuid
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select (left(h.hex, 12) || '8' || substr(h.hex, 14, 3) || to_hex(get_byte(decode(substr(h.hex, 17, 2), 'hex'), 0) >> 4 & 3 | 8) || substr(h.hex, 18, 15))::uuid
  from (
    select encode(sha256(uuid_send(p_subject) || uuid_send(p_object) || convert_to(p_type, 'UTF8')), 'hex') as hex
  ) h
$$;
comment on function memory.relationship_id(uuid, text, uuid) is 'The id of the relationship of that subject, type and object.';
revoke all on function memory.relationship_id(uuid, text, uuid) from public;
grant execute on function memory.relationship_id(uuid, text, uuid) to pgfleet_app;
