-- metadata.present_entries: each entry as it is now, pending volatile writes included: of the two tables the row with the
-- higher version. type and value: the value as text, the way it travels; type null: a tombstone. Rows that have expired
-- are among them. is_stored, is_pending: which of metadata.entries and metadata.volatile_entries has a row of the key.
drop view if exists metadata.present_entries;
create view metadata.present_entries with (security_invoker = true) as
select e.tenant_id, e.entity_id, e.key, e.version, e.created_at, e.updated_at, e.expires_at, e.updated_by, e.is_stored, e.is_pending,
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
from (
  -- Most tenants have no row that is pending: that is looked up once a statement, not once a key.
  select s.tenant_id, s.entity_id, s.key, s.created_at, true as is_stored, v.version is not null as is_pending,
    case when v.version > s.version then v.version else s.version end as version,
    case when v.version > s.version then v.updated_at else s.updated_at end as updated_at,
    case when v.version > s.version then v.expires_at else s.expires_at end as expires_at,
    case when v.version > s.version then v.updated_by else s.updated_by end as updated_by,
    case when v.version > s.version then v.json_value else s.json_value end as json_value,
    case when v.version > s.version then v.text_value else s.text_value end as text_value,
    case when v.version > s.version then v.integer_value else s.integer_value end as integer_value,
    case when v.version > s.version then v.float_value else s.float_value end as float_value,
    case when v.version > s.version then v.boolean_value else s.boolean_value end as boolean_value,
    case when v.version > s.version then v.bytes_value else s.bytes_value end as bytes_value
  from metadata.entries s
  left join metadata.volatile_entries v
    on v.tenant_id = s.tenant_id and v.entity_id = s.entity_id and v.key = s.key
    and (select exists (select from metadata.volatile_entries x where x.tenant_id = current_setting('pgfleet.tenant', true)))
  union all
  select v.tenant_id, v.entity_id, v.key, v.updated_at, false, true, v.version, v.updated_at, v.expires_at, v.updated_by,
    v.json_value, v.text_value, v.integer_value, v.float_value, v.boolean_value, v.bytes_value
  from metadata.volatile_entries v
  where (select exists (select from metadata.volatile_entries x where x.tenant_id = current_setting('pgfleet.tenant', true)))
    and not exists (select from metadata.entries s where s.tenant_id = v.tenant_id and s.entity_id = v.entity_id and s.key = v.key)
) e;
comment on view metadata.present_entries is 'Each entry as it is now, pending volatile writes included.';
grant select on metadata.present_entries to pgfleet_app;
