-- memory.instant(time): a moment as the library writes it: ISO 8601, UTC, microseconds; null for either infinity. Equal
-- moments give equal texts, and the texts sort as the moments do. PL/pgSQL, because SQL that pins its path is planned anew
-- at each call.
create or replace function memory.instant(p_time timestamptz) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case when isfinite(p_time) then to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end;
end
$$;
comment on function memory.instant(timestamptz) is 'A moment as ISO 8601 in UTC with microseconds; null for infinities.';
revoke all on function memory.instant(timestamptz) from public;
grant execute on function memory.instant(timestamptz) to pgfleet_app, pgfleet_search;
