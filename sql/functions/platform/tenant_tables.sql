-- platform.tenant_tables(whole): every table that holds rows of tenants, as the catalogue knows them: in schemas of pgfleet_owner,
-- with a column tenant_id; of a partitioned table its partitions, or when `whole` is said itself. Not the tenants themselves and their tombstones.
-- place: rows of a table may be removed when those of all tables with a higher place are gone, and inserted when those of all
-- tables with a lower one are there. It follows the foreign keys. root_name is the partitioned table, or the table itself.
create or replace function platform.tenant_tables(p_whole boolean default false)
returns table (table_name text, root_name text, place integer)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive tables as (
    select c.oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspowner = (select r.oid from pg_roles r where r.rolname = 'pgfleet_owner')
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where (c.relkind = 'r' and not p_whole or c.relkind in ('r', 'p') and not c.relispartition and p_whole)
      and c.oid not in ('platform.tenants'::regclass, 'platform.erasures'::regclass)
  ),
  -- A key that points at the table itself puts it nowhere.
  edges as (
    select distinct k.conrelid as child, k.confrelid as parent
    from pg_constraint k
    join tables t on t.oid = k.confrelid
    where k.contype = 'f' and k.conrelid <> k.confrelid
  ),
  paths as (
    select t.oid, 0 as place from tables t
    union all
    select e.child, p.place + 1 from paths p join edges e on e.parent = p.oid
  ) cycle oid set is_cycle using path
  select p.oid::regclass::text, coalesce(pg_partition_root(p.oid), p.oid)::regclass::text, max(p.place)
  from paths p
  join tables t on t.oid = p.oid
  group by p.oid
  order by 3 desc, 1
$$;
comment on function platform.tenant_tables(boolean) is 'Every table and partition with rows of tenants, in the order in which they can be emptied; for the owner.';
revoke all on function platform.tenant_tables(boolean) from public;
