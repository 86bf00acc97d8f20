-- memory.set_vector_search(dimensions, fast, balanced): sets how many candidates of the index a search of that accuracy looks
-- at. For pgfleet_owner. Errors: PF005, PF020.
create or replace function memory.set_vector_search(p_dimensions integer, p_fast integer, p_balanced integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_fast > p_balanced then
    raise exception 'fast looks at no more candidates than balanced' using errcode = 'PF005', column = 'efSearch.fast';
  end if;
  update memory.vector_dimensions d set ef_search_fast = p_fast, ef_search_balanced = p_balanced where d.dimensions = p_dimensions;
  if not found then
    raise exception 'there is no table of vectors of % dimensions: pgfleet vectors add-dimension % makes it', p_dimensions, p_dimensions
      using errcode = 'PF020', column = 'dimensions';
  end if;
end
$$;
comment on function memory.set_vector_search(integer, integer, integer) is 'Sets the candidates of searches of a dimension; for the owner.';
revoke all on function memory.set_vector_search(integer, integer, integer) from public;
