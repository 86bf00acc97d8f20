-- memory.append_chunks(tenant, chunks, bytes): stages chunks of uploads; the chunk of number 0 begins one. Idempotent by
-- upload and number. chunks: a jsonb array of {upload_id uuid, no integer, codec text, size integer, crc bigint, length
-- integer}; bytes: what the chunks are stored as, one behind the other. Staged chunks are nobody's to see.
-- Errors: PF001..PF003 (platform.enter), PF045 the upload was collected meanwhile.
create or replace function memory.append_chunks(p_tenant text, p_chunks jsonb, p_bytes bytea)
returns table (ordinal integer)
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
begin
  perform platform.enter(p_tenant);
  insert into memory.artifact_uploads (tenant_id, upload_id, renewed_at)
  select distinct p_tenant, x.upload_id, v_now from jsonb_to_recordset(p_chunks) as x(upload_id uuid, no integer)
  where x.no = 0
  order by x.upload_id
  on conflict (tenant_id, upload_id) do nothing;
  -- Whoever collects uploads locks them first: it waits, or has gone before.
  perform from memory.artifact_uploads u
  where u.tenant_id = p_tenant and u.upload_id in (select x.upload_id from jsonb_to_recordset(p_chunks) as x(upload_id uuid))
  order by u.upload_id
  for key share;
  select x.ordinality, x.upload_id into v_bad
  from rows from (jsonb_to_recordset(p_chunks) as (upload_id uuid)) with ordinality as x
  left join memory.artifact_uploads u on u.tenant_id = p_tenant and u.upload_id = x.upload_id
  where u.upload_id is null
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'upload % is gone', v_bad.upload_id
      using errcode = 'PF045', column = format('chunks[%s]', v_bad.ordinality - 1);
  end if;
  update memory.artifact_uploads u set renewed_at = v_now
  where u.tenant_id = p_tenant and u.upload_id in (select x.upload_id from jsonb_to_recordset(p_chunks) as x(upload_id uuid))
    and u.renewed_at < v_now - interval '1 minute';
  insert into memory.artifact_chunks (tenant_id, content_id, chunk_no, codec, size_bytes, crc32, data)
  select p_tenant, x.upload_id, x.no, x.codec, x.size, x.crc, substring(p_bytes from x.start::integer for x.length)
  from (
    select x.*, sum(x.length) over (order by x.ordinality) - x.length + 1 as start
    from rows from (
      jsonb_to_recordset(p_chunks) as (upload_id uuid, no integer, codec text, size integer, crc bigint, length integer)
    ) with ordinality as x
  ) x
  order by x.upload_id, x.no
  on conflict (tenant_id, content_id, chunk_no) do nothing;
  return query select g::integer from generate_series(1, jsonb_array_length(p_chunks)) as g;
end
$$;
comment on function memory.append_chunks(text, jsonb, bytea) is 'Stages chunks of uploads; idempotent by upload and number.';
revoke all on function memory.append_chunks(text, jsonb, bytea) from public;
grant execute on function memory.append_chunks(text, jsonb, bytea) to pgfleet_app;
