-- platform.uuid_floor(time): the smallest UUIDv7 of that millisecond; bounds of partitions, and of scans by time.
-- In plpgsql, as those it is called by: a function in SQL would be planned anew for each statement of theirs, which costs more than it does.
create or replace function platform.uuid_floor(p_time timestamptz) returns uuid
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (lpad(to_hex(floor(extract(epoch from p_time) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid;
end
$$;
comment on function platform.uuid_floor(timestamptz) is 'The smallest UUIDv7 whose time is the given one.';
revoke all on function platform.uuid_floor(timestamptz) from public;
grant execute on function platform.uuid_floor(timestamptz) to pgfleet_app, pgfleet_monitor;
