-- delivery.sketch_percentile(keys, counts, fraction): the value below which that fraction of the sketch's values lies, within
-- 1 %: of n values in their order, that of rank floor(fraction * (n - 1)), counted from zero. Null for an empty sketch.
-- keys ascend; counts has as many members.
create or replace function delivery.sketch_percentile(p_keys integer[], p_counts bigint[], p_fraction double precision)
returns double precision
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rank double precision := floor(p_fraction * ((select sum(c.points) from unnest(p_counts) as c(points)) - 1)::double precision);
  v_seen bigint := 0;
begin
  for i in 1 .. cardinality(p_keys) loop
    v_seen := v_seen + p_counts[i];
    if v_seen > v_rank then
      return case
        when p_keys[i] = 0 then 0
        else sign(p_keys[i]) * delivery.sketch_value(abs(p_keys[i]) - 20000)
      end;
    end if;
  end loop;
  return null;
end
$$;
comment on function delivery.sketch_percentile(integer[], bigint[], double precision) is 'A percentile of a sketch, within 1 %.';
revoke all on function delivery.sketch_percentile(integer[], bigint[], double precision) from public;
grant execute on function delivery.sketch_percentile(integer[], bigint[], double precision) to pgfleet_app;
