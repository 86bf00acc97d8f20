-- memory.get_artifacts(tenant, lookups): the artifacts of these ids; nothing is returned for one that is not there, or whose
-- session has expired. lookups: a jsonb array of {id uuid}.
create or replace function memory.get_artifacts(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, artifact_id uuid, session_id uuid, name text, version integer, artifact_type text, mime_type text,
  tags text[], metadata jsonb, parent_artifact_id uuid, size_bytes bigint, created_at timestamptz,
  content_id uuid, sha256 text, stored_bytes bigint, chunk_count integer, codec text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, a.artifact_id, a.session_id, a.name, a.version, a.artifact_type, a.mime_type,
    a.tags, a.metadata, a.parent_artifact_id, a.size_bytes, a.created_at,
    c.content_id, encode(c.sha256, 'hex'), c.stored_bytes, c.chunk_count, c.codec
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid)) with ordinality as x
  -- The first from it on, in the order of the key: in a small table every index costs the same to ask for one row, and the plan stays.
  cross join lateral (
    select * from memory.artifacts r where r.tenant_id = p_tenant and r.artifact_id >= x.id order by r.artifact_id limit 1
  ) a
  cross join lateral (
    select * from memory.artifact_contents r where r.tenant_id = p_tenant and r.content_id >= a.content_id order by r.content_id limit 1
  ) c
  left join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = a.session_id limit 1) s on true
  where a.artifact_id = x.id and c.content_id = a.content_id
    and (a.session_id is null or s.expires_at > statement_timestamp());
end
$$;
comment on function memory.get_artifacts(text, jsonb) is 'The artifacts of many ids.';
revoke all on function memory.get_artifacts(text, jsonb) from public;
grant execute on function memory.get_artifacts(text, jsonb) to pgfleet_app;
