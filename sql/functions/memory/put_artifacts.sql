-- memory.put_artifacts(tenant, artifacts, bytes): keeps artifacts, each as the next version of its name, and returns them in
-- order. Idempotent by id. artifacts: a jsonb array of {id, content_id uuid, sha256 hex, size, stored, chunks numbers, codec
-- text, session_id uuid, name, type, mime text, tags text array, metadata jsonb object, parent uuid}. Its bytes are either
-- a part of `bytes` ({length, crc}: at most one chunk, one artifact's behind the other's in order), or chunks
-- staged before under content_id by memory.append_chunks ({upload: true}). Bytes that the tenant holds already are not kept
-- twice; `deduplicated` says so. The hash is the caller's, who computed it from the bytes.
-- Errors: PF001..PF003 (platform.enter), PF007 quota, PF008 no such session, PF012 the id was used for something else, PF043
-- no such parent, PF045 the staged chunks are gone; 40001 the same id is being put elsewhere.
create or replace function memory.put_artifacts(p_tenant text, p_artifacts jsonb, p_bytes bytea)
returns table (ordinal integer, artifact_id uuid, version integer, deduplicated boolean, created_at timestamptz)
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
declare
  v_now timestamptz := statement_timestamp();
  v_bad record;
  v_ids uuid[];
  v_new integer;
begin
  perform platform.enter(p_tenant);
  if exists (select from platform.tenants t where t.tenant_id = p_tenant and t.quotas ?| array['artifacts', 'artifact_bytes']) then
    perform platform.check_quota(p_tenant, 'artifacts');
    perform platform.check_quota(p_tenant, 'artifact_bytes');
  end if;
  if jsonb_path_exists(p_artifacts, '$[*].session_id') then
    perform from memory.sessions s
    where s.tenant_id = p_tenant and s.session_id = any (array(select x.session_id from jsonb_to_recordset(p_artifacts) as x(session_id uuid)))
    order by s.session_id
    for key share;
    select x.ordinality, x.session_id into v_bad
    from rows from (jsonb_to_recordset(p_artifacts) as (session_id uuid)) with ordinality as x
    left join lateral (
      select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.session_id and r.expires_at > v_now limit 1
    ) s on true
    where x.session_id is not null and s.session_id is null
    order by x.ordinality
    limit 1;
    if found then
      raise exception 'there is no session %', v_bad.session_id
        using errcode = 'PF008', column = format('artifacts[%s].sessionId', v_bad.ordinality - 1);
    end if;
  end if;
  if jsonb_path_exists(p_artifacts, '$[*].parent') then
    select x.ordinality, x.parent into v_bad
    from rows from (jsonb_to_recordset(p_artifacts) as (parent uuid)) with ordinality as x
    left join lateral (select * from memory.artifacts r where r.tenant_id = p_tenant and r.artifact_id = x.parent limit 1) a on true
    where x.parent is not null and a.artifact_id is null
    order by x.ordinality
    limit 1;
    if found then
      raise exception 'there is no artifact %', v_bad.parent
        using errcode = 'PF043', column = format('artifacts[%s].parent', v_bad.ordinality - 1);
    end if;
  end if;
  if jsonb_array_length(p_artifacts) = 1 and not p_artifacts -> 0 ? 'upload' then
    -- The common call: the same rows in the same order as below, in one statement. No row when the id is there already.
    with x as materialized (
      select x.*, decode(x.sha256, 'hex') as hash, coalesce(x.session_id, '00000000-0000-0000-0000-000000000000') as scope
      from jsonb_to_record(p_artifacts -> 0) as x(id uuid, content_id uuid, sha256 text, size bigint, stored bigint, chunks integer,
        codec text, crc bigint, session_id uuid, name text, type text, mime text, tags text[], metadata jsonb, parent uuid)
      -- The first from it on, in the order of the key: in a small table every index costs the same to ask for one row, and the plan stays.
      where (
        select r.artifact_id from memory.artifacts r where r.tenant_id = p_tenant and r.artifact_id >= x.id order by r.artifact_id limit 1
      ) is distinct from x.id
    ),
    named as (
      insert into memory.artifact_names as n (tenant_id, scope, name, latest_version)
      select p_tenant, x.scope, x.name, 1 from x
      on conflict (tenant_id, scope, name) do update set latest_version = n.latest_version + 1
      returning n.latest_version
    ),
    content as (
      -- Reads `named`, so that the name is locked before the content, as everywhere.
      insert into memory.artifact_contents as c (tenant_id, content_id, sha256, size_bytes, stored_bytes, chunk_count, codec, created_at, last_used_at)
      select p_tenant, x.content_id, x.hash, x.size, x.stored, x.chunks, x.codec, v_now, v_now from named cross join x
      on conflict (tenant_id, sha256) do update set last_used_at = excluded.last_used_at
      returning c.content_id
    ),
    chunk as (
      insert into memory.artifact_chunks (tenant_id, content_id, chunk_no, codec, size_bytes, crc32, data)
      select p_tenant, x.content_id, 0, x.codec, x.size, x.crc, p_bytes
      from x join content c on c.content_id = x.content_id
      where x.chunks = 1
    ),
    kept as (
      insert into memory.artifacts as a (tenant_id, artifact_id, session_id, name, version, content_id, artifact_type, mime_type,
        tags, metadata, parent_artifact_id, size_bytes, created_at)
      select p_tenant, x.id, x.session_id, x.name, n.latest_version, c.content_id, x.type, x.mime,
        coalesce(x.tags, '{}'), coalesce(x.metadata, '{}'), x.parent, x.size, v_now
      from named n cross join content c cross join x
      on conflict (tenant_id, artifact_id) do nothing
      returning a.artifact_id, a.version, a.content_id, a.created_at
    )
    select k.artifact_id, k.version, k.content_id <> x.content_id, k.created_at
    into artifact_id, version, deduplicated, created_at
    from x left join kept k on true;
    if found then
      if artifact_id is null then
        raise exception 'an artifact of the same id is being put elsewhere' using errcode = '40001';
      end if;
      ordinal := 1;
      return next;
      return;
    end if;
  end if;
  -- What a call that was sent before has kept already stays as it is.
  select array_agg(distinct x.id), count(distinct x.id) into v_ids, v_new
  from jsonb_to_recordset(p_artifacts) as x(id uuid)
  where (select a.artifact_id from memory.artifacts a where a.tenant_id = p_tenant and a.artifact_id = x.id) is null;
  if v_new > 0 then
    if jsonb_path_exists(p_artifacts, '$[*].upload') then
      perform memory.check_uploads(p_tenant, p_artifacts, v_ids);
    end if;
    insert into memory.artifact_names as n (tenant_id, scope, name, latest_version)
    select p_tenant, x.scope, x.name, count(*)
    from (
      select distinct on (x.id) coalesce(x.session_id, '00000000-0000-0000-0000-000000000000') as scope, x.name
      from jsonb_to_recordset(p_artifacts) as x(id uuid, session_id uuid, name text)
      where x.id = any (v_ids)
    ) x
    group by x.scope, x.name
    order by x.scope, x.name
    on conflict (tenant_id, scope, name) do update set latest_version = n.latest_version + excluded.latest_version;
    -- Whoever collects garbage locks a content before looking for references: from here to the commit it waits, or has
    -- gone before and the content is inserted anew.
    insert into memory.artifact_contents (tenant_id, content_id, sha256, size_bytes, stored_bytes, chunk_count, codec, created_at, last_used_at)
    select distinct on (decode(x.sha256, 'hex')) p_tenant, x.content_id, decode(x.sha256, 'hex'), x.size, x.stored, x.chunks, x.codec, v_now, v_now
    from jsonb_to_recordset(p_artifacts) as x(id uuid, content_id uuid, sha256 text, size bigint, stored bigint, chunks integer, codec text)
    where x.id = any (v_ids)
    order by decode(x.sha256, 'hex'), x.content_id
    on conflict (tenant_id, sha256) do update set last_used_at = excluded.last_used_at;
    insert into memory.artifact_chunks (tenant_id, content_id, chunk_no, codec, size_bytes, crc32, data)
    select p_tenant, x.content_id, 0, x.codec, x.size, x.crc, substring(p_bytes from x.start::integer for x.length)
    from (
      select x.*, sum(coalesce(x.length, 0)) over (order by x.ordinality) - coalesce(x.length, 0) + 1 as start
      from rows from (
        jsonb_to_recordset(p_artifacts) as (id uuid, content_id uuid, codec text, size integer, crc bigint, length integer)
      ) with ordinality as x
    ) x
    cross join lateral (
      select from memory.artifact_contents r where r.tenant_id = p_tenant and r.content_id = x.content_id limit 1
    ) c
    where x.length > 0 and x.id = any (v_ids)
    on conflict (tenant_id, content_id, chunk_no) do nothing;
    insert into memory.artifacts (tenant_id, artifact_id, session_id, name, version, content_id, artifact_type, mime_type,
      tags, metadata, parent_artifact_id, size_bytes, created_at)
    select p_tenant, x.id, x.session_id, x.name,
      n.latest_version + 1 - row_number() over (partition by x.session_id, x.name order by x.ordinality desc),
      c.content_id, x.type, x.mime, coalesce(x.tags, '{}'), coalesce(x.metadata, '{}'), x.parent, x.size, v_now
    from (
      -- Computed where they are looked up, scope and hash would use no index under row-level security.
      select distinct on (x.id) x.*, coalesce(x.session_id, '00000000-0000-0000-0000-000000000000') as scope, decode(x.sha256, 'hex') as hash
      from rows from (
        jsonb_to_recordset(p_artifacts) as (id uuid, sha256 text, size bigint, session_id uuid, name text, type text, mime text,
          tags text[], metadata jsonb, parent uuid)
      ) with ordinality as x
      where x.id = any (v_ids)
      order by x.id, x.ordinality
    ) x
    cross join lateral (
      select * from memory.artifact_names r
      where r.tenant_id = p_tenant and r.scope = x.scope and r.name = x.name
      limit 1
    ) n
    cross join lateral (
      select * from memory.artifact_contents r where r.tenant_id = p_tenant and r.sha256 = x.hash limit 1
    ) c
    on conflict (tenant_id, artifact_id) do nothing;
    get diagnostics v_new = row_count;
    if v_new <> cardinality(v_ids) then
      raise exception 'an artifact of the same id is being put elsewhere' using errcode = '40001';
    end if;
    if jsonb_path_exists(p_artifacts, '$[*].upload') then
      -- Staged chunks that a content has come to own are no upload any more.
      delete from memory.artifact_uploads u
      using jsonb_to_recordset(p_artifacts) as x(content_id uuid)
      join memory.artifact_contents c on c.tenant_id = p_tenant and c.content_id = x.content_id
      where u.tenant_id = p_tenant and u.upload_id = x.content_id;
    end if;
  end if;
  select x.ordinality, x.id into v_bad
  from rows from (jsonb_to_recordset(p_artifacts) as (id uuid, sha256 text, session_id uuid, name text)) with ordinality as x
  cross join lateral (select * from memory.artifacts r where r.tenant_id = p_tenant and r.artifact_id = x.id limit 1) a
  cross join lateral (select * from memory.artifact_contents r where r.tenant_id = p_tenant and r.content_id = a.content_id limit 1) c
  where (a.name, c.sha256) <> (x.name, decode(x.sha256, 'hex')) or a.session_id is distinct from x.session_id
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'there is an artifact % already, with other bytes, name or session', v_bad.id
      using errcode = 'PF012', column = format('artifacts[%s].id', v_bad.ordinality - 1);
  end if;
  return query
  select x.ordinality::integer, a.artifact_id, a.version, a.content_id <> x.content_id, a.created_at
  from rows from (jsonb_to_recordset(p_artifacts) as (id uuid, content_id uuid)) with ordinality as x
  cross join lateral (select * from memory.artifacts r where r.tenant_id = p_tenant and r.artifact_id = x.id limit 1) a;
end
$$;
comment on function memory.put_artifacts(text, jsonb, bytea) is 'Keeps many artifacts, each as the next version of its name; idempotent by id.';
revoke all on function memory.put_artifacts(text, jsonb, bytea) from public;
grant execute on function memory.put_artifacts(text, jsonb, bytea) to pgfleet_app;
