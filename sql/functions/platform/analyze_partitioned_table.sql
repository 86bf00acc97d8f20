-- platform.analyze_partitioned_table(schema, table): gathers the statistics of a partitioned table, which autovacuum never does. For
-- maintenance; narrow: partitioned tables of pgfleet only. It locks nothing that readers and writers need. The partitions that have
-- changed since they were analysed are analysed too, or their changes would call for it again where no autovacuum runs; before
-- PostgreSQL 18 all are. Errors: PF005 another table.
create or replace function platform.analyze_partitioned_table(p_schema text, p_table text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_partition regclass;
  v_is_alone boolean := current_setting('server_version_num')::integer >= 180000;
begin
  select c.oid into v_table
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
  where n.nspname = p_schema and c.relname = p_table and c.relkind = 'p';
  if not found then
    raise exception '%.% is no partitioned table of pgfleet', p_schema, p_table using errcode = 'PF005', column = 'table';
  end if;
  execute format('analyze %s%s', case when v_is_alone then 'only ' else '' end, v_table);
  if not v_is_alone then
    return;
  end if;
  for v_partition in
    select i.relid
    from pg_partition_tree(v_table) i
    join pg_stat_all_tables t on t.relid = i.relid
    where i.isleaf and t.n_mod_since_analyze > 0
    order by i.relid
  loop
    execute format('analyze %s', v_partition);
  end loop;
end
$$;
comment on function platform.analyze_partitioned_table(text, text) is 'Gathers the statistics of a partitioned table.';
revoke all on function platform.analyze_partitioned_table(text, text) from public;
grant execute on function platform.analyze_partitioned_table(text, text) to pgfleet_operator;
