-- platform.log_transaction(transaction): the number by which a transaction of this cluster goes in the logs of this database.
create or replace function platform.log_transaction(p_transaction xid8) returns xid8
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when o.n = 0 then p_transaction else (p_transaction::text::bigint + o.n)::text::xid8 end
  from (select platform.transaction_offset() as n) o
$$;
comment on function platform.log_transaction(xid8) is 'The number of a transaction in the logs of this database.';
revoke all on function platform.log_transaction(xid8) from public;
grant execute on function platform.log_transaction(xid8) to pgfleet_app;
