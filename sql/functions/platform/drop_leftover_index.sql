-- platform.drop_leftover_index(schema, index): drops what an interrupted REINDEX CONCURRENTLY has left behind: an index of pgfleet that is
-- not valid and is named as such leftovers are. It takes an access exclusive lock on the table for a moment, which a REINDEX that still
-- runs does not give: callers set lock_timeout. returns the bytes that were freed. Errors: PF005 another index.
create or replace function platform.drop_leftover_index(p_schema text, p_index text) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_index regclass;
  v_bytes bigint;
begin
  select c.oid, pg_relation_size(c.oid) into v_index, v_bytes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
  join pg_index i on i.indexrelid = c.oid
  where n.nspname = p_schema and c.relname = p_index and c.relkind = 'i' and not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$';
  if not found then
    raise exception '%.% is no leftover of a REINDEX', p_schema, p_index using errcode = 'PF005', column = 'index';
  end if;
  execute format('drop index %s', v_index);
  return v_bytes;
end
$$;
comment on function platform.drop_leftover_index(text, text) is 'Drops what an interrupted REINDEX CONCURRENTLY has left behind.';
revoke all on function platform.drop_leftover_index(text, text) from public;
grant execute on function platform.drop_leftover_index(text, text) to pgfleet_operator;
