-- learning.content_hash(value): the hash by which states and actions are keyed, the same as the TypeScript library's: a
-- UUID version 8 (RFC 9562) of the first 128 bits of SHA-256 over 'pgfleet:1:' and the canonical JSON.
create or replace function learning.content_hash(p_value jsonb) returns uuid
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select (left(h.hex, 12) || '8' || substr(h.hex, 14, 3)
    || to_hex(get_byte(h.digest, 8) >> 4 & 3 | 8) || substr(h.hex, 18, 15))::uuid
  from (
    select d.digest, encode(d.digest, 'hex') as hex
    from (select sha256(convert_to('pgfleet:1:' || learning.canonical_json(p_value), 'UTF8')) as digest) d
  ) h
$$;
comment on function learning.content_hash(jsonb) is 'The key of a state or action: 128 bits of SHA-256 over its canonical JSON, as UUIDv8.';
revoke all on function learning.content_hash(jsonb) from public;
grant execute on function learning.content_hash(jsonb) to pgfleet_app;
