-- platform.transaction_offset(): what is added to the transactions of this cluster before they are written into the logs of this
-- database: events, points of metrics, audit entries. 0, unless the database was restored from a dump into a cluster that had
-- not come as far (platform.adopt_restored). It is kept in one place: the default of the columns themselves, so that what is
-- written and what is read by cannot differ, and a dump carries it along.
create or replace function platform.transaction_offset() returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(substring(pg_get_expr(d.adbin, d.adrelid) from '\+ ''?(\d+)')::bigint, 0)
    from pg_attribute a
    join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = 'memory.events'::regclass and a.attname = 'transaction_id'
  );
end
$$;
comment on function platform.transaction_offset() is 'What is added to transactions of this cluster in the logs of this database.';
revoke all on function platform.transaction_offset() from public;
grant execute on function platform.transaction_offset() to pgfleet_app;
