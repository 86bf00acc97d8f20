/**
 * Analyses partitioned tables that are empty: autovacuum never does, and from then on the server knows since when maintenance
 * owes them statistics. Those with rows are left to maintenance, which takes its time outside of a migration; so are, before
 * PostgreSQL 18, those with partitions, which would be analysed too and then be planned for as if they stayed empty.
 */
export const ANALYZE_EMPTY = `do $$
declare
  v_is_alone boolean := current_setting('server_version_num')::integer >= 180000;
  v_table regclass;
begin
  for v_table in
    select c.oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
    where c.relkind = 'p' and c.reltuples < 0
      and not exists (select from pg_partition_tree(c.oid) t where t.isleaf and (not v_is_alone or pg_relation_size(t.relid) > 0))
    order by c.oid
  loop
    execute format('analyze %s%s', case when v_is_alone then 'only ' end, v_table);
  end loop;
end
$$`
