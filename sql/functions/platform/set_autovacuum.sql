-- platform.set_autovacuum(schema, table, threshold, scale): lets autovacuum come to a table once it has `threshold` + `scale` * rows dead
-- rows. For maintenance; narrow: plain tables and partitions of pgfleet only, within bounds that keep autovacuum useful. It takes a
-- share update exclusive lock for a moment. returns the storage settings before and after.
-- Errors: PF005 another table, or a value out of bounds.
create or replace function platform.set_autovacuum(p_schema text, p_table text, p_threshold integer, p_scale double precision) returns table (before text[], after text[])
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
begin
  select c.oid, c.reloptions into v_table, before
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
  where n.nspname = p_schema and c.relname = p_table and c.relkind = 'r';
  if not found then
    raise exception '%.% is no table of pgfleet', p_schema, p_table using errcode = 'PF005', column = 'table';
  end if;
  if p_threshold is null or p_threshold not between 50 and 10000000 then
    raise exception 'a threshold of % is not within 50 and 10000000', p_threshold using errcode = 'PF005', column = 'threshold';
  end if;
  if p_scale is null or p_scale not between 0 and 0.2 then
    raise exception 'a scale of % is not within 0 and 0.2', p_scale using errcode = 'PF005', column = 'scale';
  end if;
  execute format('alter table %s set (autovacuum_vacuum_threshold = %s, autovacuum_vacuum_scale_factor = %s)', v_table, p_threshold, p_scale);
  select c.reloptions into after from pg_class c where c.oid = v_table;
  return next;
end
$$;
comment on function platform.set_autovacuum(text, text, integer, double precision) is 'Sets when autovacuum comes to a table.';
revoke all on function platform.set_autovacuum(text, text, integer, double precision) from public;
grant execute on function platform.set_autovacuum(text, text, integer, double precision) to pgfleet_operator;
