-- metadata.stored_entries: each entry of metadata.entries, without what is pending of volatile groups. type and value: as in
-- metadata.present_entries, which tells what both tables have together. Rows that have expired are among them.
drop view if exists metadata.stored_entries;
create view metadata.stored_entries with (security_invoker = true) as
select e.tenant_id, e.entity_id, e.key, e.version, e.updated_at, e.expires_at, e.updated_by,
  case
    when e.json_value is not null then 'json'
    when e.text_value is not null then 'text'
    when e.integer_value is not null then 'integer'
    when e.float_value is not null then 'float'
    when e.boolean_value is not null then 'boolean'
    when e.bytes_value is not null then 'bytes'
  end as type,
  case
    when e.json_value is not null then e.json_value::text
    when e.text_value is not null then e.text_value
    when e.integer_value is not null then e.integer_value::text
    when e.float_value is not null then e.float_value::text
    when e.boolean_value is not null then e.boolean_value::text
    when e.bytes_value is not null then translate(encode(e.bytes_value, 'base64'), e'\n', '')
  end as value
from metadata.entries e;
comment on view metadata.stored_entries is 'Each entry without what is pending of volatile groups.';
grant select on metadata.stored_entries to pgfleet_app;
