-- platform.set_archiving(schema, table, archives): whether partitions of the table that nobody wants kept are archived, or dropped. For
-- pgfleet_owner. Errors: PF005 the table is not partitioned by month.
create or replace function platform.set_archiving(p_schema text, p_table text, p_archives boolean) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from platform.partitioned_tables r where r.schema_name = p_schema and r.table_name = p_table) then
    raise exception '%.% is not partitioned by month', p_schema, p_table using errcode = 'PF005', column = 'table';
  end if;
  if p_archives then
    insert into platform.archived_tables (schema_name, table_name) values (p_schema, p_table)
    on conflict (schema_name, table_name) do nothing;
  else
    delete from platform.archived_tables d where d.schema_name = p_schema and d.table_name = p_table;
  end if;
end
$$;
comment on function platform.set_archiving(text, text, boolean) is 'Sets whether retired partitions of a table are archived; for the owner.';
revoke all on function platform.set_archiving(text, text, boolean) from public;
