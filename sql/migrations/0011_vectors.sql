--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Vectors: a table a dimension, because a column of vectors, and an index on it, has one. Further dimensions are made by
-- the same function, `pgfleet vectors add-dimension`.

create table memory.vector_dimensions (
  dimensions integer not null,
  element_type text not null,
  m integer not null,
  ef_construction integer not null,
  ef_search_fast integer not null default 20,
  ef_search_balanced integer not null default 40,
  exact_rows integer not null default 1000,
  max_scan_tuples integer not null default 20000,
  created_at timestamptz not null default now(),
  constraint vector_dimensions_pkey primary key (dimensions),
  constraint vector_dimensions_range check (dimensions between 1 and 4000),
  constraint vector_dimensions_element_type_legal check (element_type in ('vector', 'halfvec')),
  constraint vector_dimensions_m_range check (m between 2 and 100),
  constraint vector_dimensions_ef_construction_range check (ef_construction between 2 * m and 1000),
  constraint vector_dimensions_ef_search_range check (ef_search_fast between 1 and 1000 and ef_search_balanced between ef_search_fast and 1000),
  constraint vector_dimensions_exact_rows_range check (exact_rows between 0 and 1000000),
  constraint vector_dimensions_max_scan_tuples_range check (max_scan_tuples between 1 and 2147483647)
);
comment on table memory.vector_dimensions is 'The dimensions that have a table, memory.vectors_N, with the settings of its HNSW index; shared by all tenants and read-only to them.';
comment on column memory.vector_dimensions.m is 'Links of a vector in a layer of the index. Takes effect when the index is built.';
comment on column memory.vector_dimensions.ef_construction is 'Candidates looked at while a vector is inserted. Takes effect when the index is built.';
comment on column memory.vector_dimensions.ef_search_fast is 'Candidates looked at by a search of accuracy fast among 100,000 rows; ef_search_balanced by one of accuracy balanced. Fewer in smaller tables, more in larger ones.';
comment on column memory.vector_dimensions.exact_rows is 'Where a tenant, or its scope, holds no more rows than this, its rows are compared one by one.';
comment on column memory.vector_dimensions.max_scan_tuples is 'Rows of the index that a filtered search visits before its candidates are compared one by one.';
grant select on memory.vector_dimensions to pgfleet_app, pgfleet_monitor, pgfleet_search;

-- As it was when this was written; sql/functions/memory/add_vector_dimension.sql holds it as it is.
create function memory.add_vector_dimension(
  p_dimensions integer,
  p_m integer default 16,
  p_ef_construction integer default 128
) returns boolean
language plpgsql volatile
set search_path = pg_catalog, extensions, public, pg_temp
as $$
declare
  v_table text := format('vectors_%s', p_dimensions);
  v_type text := case when p_dimensions <= 2000 then 'vector' else 'halfvec' end;
  v_bytes integer := p_dimensions * case when p_dimensions <= 2000 then 4 else 2 end;
  v_version text := (select e.extversion from pg_extension e where e.extname = 'vector');
begin
  if p_dimensions is null or p_dimensions not between 1 and 4000 then
    raise exception 'vectors have 1 to 4000 dimensions, not %', coalesce(p_dimensions::text, 'null') using errcode = 'PF005', column = 'dimensions';
  end if;
  if p_m is null or p_m not between 2 and 100 then
    raise exception 'm is 2 to 100' using errcode = 'PF005', column = 'm';
  end if;
  if p_ef_construction is null or p_ef_construction not between 2 * p_m and 1000 then
    raise exception 'ef_construction is 2 * m to 1000' using errcode = 'PF005', column = 'efConstruction';
  end if;
  -- Without iterative scans a filtered search would come back short.
  if string_to_array(substring(v_version from '^\d+\.\d+'), '.')::integer[] < array[0, 8] then
    raise exception 'pgvector 0.8 or newer is needed for iterative index scans, this is %', v_version using errcode = 'PF021';
  end if;
  insert into memory.vector_dimensions (dimensions, element_type, m, ef_construction)
  values (p_dimensions, v_type, p_m, p_ef_construction)
  on conflict (dimensions) do nothing;
  if not found then
    return false;
  end if;
  -- In line where a page holds it: an embedding that lies out of line costs a second look-up for each distance. The
  -- toast target keeps small metadata in line beside it.
  execute format('
    create table memory.%1$I (
      expires_at timestamptz not null default ''infinity'',
      created_at timestamptz not null,
      updated_at timestamptz not null,
      vector_id uuid not null,
      tenant_id text collate "C" not null,
      scope text collate "C" not null,
      embedding %2$s(%3$s) storage %4$s not null,
      event_time timestamptz,
      metadata jsonb not null default ''{}''::jsonb,
      content text,
      content_terms tsvector generated always as (to_tsvector(''pg_catalog.english'', content)) stored,
      constraint %5$I primary key (tenant_id, scope, vector_id),
      constraint vectors_scope_length check (length(scope) between 1 and 200),
      constraint vectors_embedding_length check (%6$s),
      constraint vectors_metadata_object check (jsonb_typeof(metadata) = ''object'')
    ) with (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05)',
    v_table, v_type, p_dimensions, case when v_bytes <= 7000 then 'plain' else 'external' end, v_table || '_pkey',
    case v_type when 'vector' then 'vector_norm(embedding) between 1e-15 and 1e15' else 'l2_norm(embedding) between 1e-3 and 1e7' end);
  execute format('comment on table memory.%I is %L', v_table,
    format('Vectors of %s dimensions, one row a (scope, id). The distance is the cosine distance.', p_dimensions));
  execute format('comment on column memory.%I.embedding is %L', v_table, 'Never of length 0, which has no direction: the index would not hold it.');
  execute format('comment on column memory.%I.event_time is %L', v_table, 'When what it tells of happened, as the caller says; created_at is when it was stored.');
  execute format('comment on column memory.%I.expires_at is %L', v_table, 'From then on it is never returned, and an upsert of it starts anew.');
  -- Parallel builds before pgvector 0.8.2 may read or write past a buffer (CVE-2026-3172): one worker builds there.
  if string_to_array(substring(v_version from '^\d+\.\d+\.\d+'), '.')::integer[] < array[0, 8, 2] then
    execute format('alter table memory.%I set (parallel_workers = 0)', v_table);
  end if;
  execute format('create index %I on memory.%I using hnsw (embedding %s) with (m = %s, ef_construction = %s)',
    v_table || '_embedding', v_table, v_type || '_cosine_ops', p_m, p_ef_construction);
  execute format('create index %I on memory.%I using gin (tenant_id, content_terms) where content_terms is not null',
    v_table || '_content_terms', v_table);
  -- Of those alone that do expire: no other search can take it for its condition on the expiry.
  execute format('create index %I on memory.%I (tenant_id, expires_at) where expires_at < ''infinity''', v_table || '_expires_at', v_table);
  execute format('alter table memory.%I enable row level security', v_table);
  execute format('alter table memory.%I force row level security', v_table);
  execute format('create policy tenant_isolation on memory.%I
    using (tenant_id = (select current_setting(''pgfleet.tenant'', true)))
    with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
  execute format('grant select, insert, update, delete on memory.%I to pgfleet_app', v_table);
  -- memory.match_texts runs as this role: under the tenant's policy alone a text condition may not use its index.
  execute format('create policy search_reads on memory.%I for select to pgfleet_search using (true)', v_table);
  execute format('grant select (tenant_id, scope, vector_id, expires_at, content_terms) on memory.%I to pgfleet_search', v_table);
  -- Not there yet in a first migration, where the functions follow the tables.
  if to_regprocedure('memory.write_vector_scan(integer)') is not null then
    perform memory.write_vector_scan(p_dimensions);
  end if;
  return true;
end
$$;

select memory.add_vector_dimension(384, 16, 64);
-- Few links and more candidates: the same recall at the same speed as 16 links and 40 candidates, in half the time an insert.
select memory.add_vector_dimension(768, 10, 64);
update memory.vector_dimensions set ef_search_fast = 35, ef_search_balanced = 70 where dimensions = 768;
select memory.add_vector_dimension(1536, 24, 128);
select memory.add_vector_dimension(3072, 24, 128);
