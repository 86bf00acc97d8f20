/**
 * Analyses partitioned tables that are empty: autovacuum never does, and from then on the server knows since when maintenance
 * owes them statistics. Those with rows are left to maintenance, which takes its time outside of a migration. Before PostgreSQL 18
 * nothing is done: the partitions would be analysed too, and be planned for as if they stayed empty.
 */
export const ANALYZE_EMPTY = `do $$
declare
  v_table regclass;
begin
  if current_setting('server_version_num')::integer < 180000 then
    return;
  end if;
  for v_table in
    select c.oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    where c.relkind = 'p' and c.reltuples < 0
      and not exists (select from pg_partition_tree(c.oid) t where t.isleaf and pg_relation_size(t.relid) > 0)
    order by c.oid
  loop
    execute format('analyze %s%s', 'only ', v_table);
  end loop;
end
$$`
