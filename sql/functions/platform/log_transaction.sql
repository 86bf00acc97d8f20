-- platform.log_transaction(transaction): the number by which a transaction of this cluster goes in the logs of this database.
-- In plpgsql, as those it is called by: a function in SQL would be planned anew for each statement of theirs, a fifth of a single call.
create or replace function platform.log_transaction(p_transaction xid8) returns xid8
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_offset bigint := platform.transaction_offset();
begin
  return case when v_offset = 0 then p_transaction else (p_transaction::text::bigint + v_offset)::text::xid8 end;
end
$$;
comment on function platform.log_transaction(xid8) is 'The number of a transaction in the logs of this database.';
revoke all on function platform.log_transaction(xid8) from public;
grant execute on function platform.log_transaction(xid8) to pgfleet_app;
