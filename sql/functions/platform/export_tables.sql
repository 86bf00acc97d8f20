-- platform.export_tables(): which tables move with a tenant, with the columns that do, as the catalogue knows them; in an order in
-- which rows can be inserted. Types are without their schema: extensions lie where they were installed.
--
-- Transaction ids mean nothing in another database. A column of them that has a default gets it anew, and so do numbers of a
-- sequence beside it; rows go in that order then, so that a log stays in its order. A table that needs them for something else
-- (seals of the audit log, leases of tickers) stays behind, and so do the log of metadata changes and its ticks, which followers of
-- that database alone can go on with. Of metrics it is told whether a point is in the rollups already: the transaction id is 3
-- then, the first that there can be, and the watermark is 4. Of interactions, agent sessions and workflows, whether they are entries of the audit.
create or replace function platform.export_tables()
returns table (table_name text, columns jsonb, expressions text, ordering text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with tables as (
    select t.table_name as root_name, t.table_name::regclass as oid, t.place from platform.tenant_tables(true) t
  ),
  attributes as (
    select t.root_name, t.place, a.attname::text as name, a.attnum as number, a.attnotnull as is_required,
      regexp_replace(format_type(a.atttypid, a.atttypmod), '^[a-z_]+\.', '') as type,
      a.atttypid in ('xid8'::regtype, 'pg_snapshot'::regtype, 'xid'::regtype) as is_transaction,
      a.attgenerated <> '' as is_generated, d.oid is not null as has_default,
      coalesce(pg_get_expr(d.adbin, d.adrelid) like 'nextval(%', false) as is_numbered,
      (select k.place from pg_index i cross join lateral unnest(i.indkey::smallint[]) with ordinality as k(number, place)
        where i.indrelid = t.oid and i.indisprimary and k.number = a.attnum) as key_place,
      t.root_name || '.' || a.attname in ('delivery.metrics.transaction_id', 'delivery.metric_watermarks.rolled_up_below', 'delivery.agent_interactions.transaction_id',
        'delivery.agent_sessions.transaction_id', 'delivery.workflow_details.transaction_id') as is_told
    from tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  )
  select a.root_name,
    jsonb_agg(jsonb_build_object('name', a.name, 'type', a.type) order by a.number)
      filter (where a.is_told or not (a.name = 'tenant_id' or a.is_transaction or a.is_generated or a.is_numbered)),
    string_agg(
      case a.root_name || '.' || a.name
        when 'delivery.metrics.transaction_id' then
          'case when transaction_id < (select w.rolled_up_below from delivery.metric_watermarks w where w.tenant_id = $1) then ''3'' end'
        when 'delivery.metric_watermarks.rolled_up_below' then '''4'''
        when 'delivery.agent_interactions.transaction_id' then 'case when transaction_id is not null then ''3'' end'
        when 'delivery.agent_sessions.transaction_id' then 'case when transaction_id is not null then ''3'' end'
        when 'delivery.workflow_details.transaction_id' then 'case when transaction_id is not null then ''3'' end'
        else format('%I::text', a.name)
      end, ', ' order by a.number)
      filter (where a.is_told or not (a.name = 'tenant_id' or a.is_transaction or a.is_generated or a.is_numbered)),
    concat_ws(', ',
      case when bool_or(a.is_numbered) then
        string_agg(format('%I', a.name), ', ' order by a.is_transaction desc) filter (where a.is_numbered or (a.is_transaction and a.has_default))
      end,
      string_agg(format('%I', a.name), ', ' order by a.key_place) filter (where a.key_place is not null))
  from attributes a
  where a.root_name not in ('metadata.changes', 'metadata.ticks')
  group by a.root_name, a.place
  having not bool_or(a.is_transaction and a.is_required and not a.has_default)
  order by a.place, a.root_name
$$;
comment on function platform.export_tables() is 'Which tables and columns move with a tenant, in the order in which they can be filled; for the owner.';
revoke all on function platform.export_tables() from public;
