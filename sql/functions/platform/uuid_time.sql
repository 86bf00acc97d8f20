-- platform.uuid_time(id): the time inside a UUID version 7 (RFC 9562), in milliseconds; null for other versions.
-- PostgreSQL 17's uuid_extract_timestamp does not read version 7 yet. In plpgsql for the same reason as platform.uuid_floor.
create or replace function platform.uuid_time(p_id uuid) returns timestamptz
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when substr(p_id::text, 15, 1) = '7'
    then to_timestamp(('x0000' || translate(left(p_id::text, 13), '-', ''))::bit(64)::bigint / 1000.0)
  end;
end
$$;
comment on function platform.uuid_time(uuid) is 'The time inside a UUIDv7; null for other versions.';
revoke all on function platform.uuid_time(uuid) from public;
grant execute on function platform.uuid_time(uuid) to pgfleet_app, pgfleet_monitor;
