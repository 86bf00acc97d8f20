-- memory.build_vector_index(dimensions, m, ef_construction, memory_mb): builds the HNSW index of a dimension anew, with those
-- settings or, where one is null, the ones it has, and keeps them; then puts it in the place of the old one. Searches go on
-- meanwhile, writers of that dimension wait. memory_mb: what the build may use; a graph that does not fit is built several
-- times slower. For pgfleet_owner. Errors: PF005, PF020.
create or replace function memory.build_vector_index(p_dimensions integer, p_m integer, p_ef_construction integer, p_memory_mb integer) returns void
language plpgsql volatile
set search_path = pg_catalog, extensions, public, pg_temp
as $$
declare
  v_settings memory.vector_dimensions;
  v_table text := format('vectors_%s', p_dimensions);
begin
  if p_m not between 2 and 100 then
    raise exception 'm is 2 to 100' using errcode = 'PF005', column = 'm';
  end if;
  update memory.vector_dimensions d
  set m = coalesce(p_m, d.m), ef_construction = greatest(coalesce(p_ef_construction, d.ef_construction), 2 * coalesce(p_m, d.m))
  where d.dimensions = p_dimensions
  returning d.* into v_settings;
  if not found then
    raise exception 'there is no table of vectors of % dimensions: pgfleet vectors add-dimension % makes it', p_dimensions, p_dimensions
      using errcode = 'PF020', column = 'dimensions';
  end if;
  perform set_config('maintenance_work_mem', format('%sMB', p_memory_mb), true);
  execute format('create index %I on memory.%I using hnsw (embedding %s) with (m = %s, ef_construction = %s)',
    v_table || '_embedding_new', v_table, v_settings.element_type || '_cosine_ops', v_settings.m, v_settings.ef_construction);
  execute format('drop index if exists memory.%I', v_table || '_embedding');
  execute format('alter index memory.%I rename to %I', v_table || '_embedding_new', v_table || '_embedding');
end
$$;
comment on function memory.build_vector_index(integer, integer, integer, integer) is 'Builds the HNSW index of a dimension anew; for the owner.';
revoke all on function memory.build_vector_index(integer, integer, integer, integer) from public;
