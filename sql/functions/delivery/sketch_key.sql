-- delivery.sketch_key(value): the key of a value in a sketch. Keys ascend with values: a key stands for values that differ
-- from the one that delivery.sketch_percentile tells for it by 1 % at most. It is 20000 plus the bucket of delivery.sketch_bucket for a positive value,
-- 0 for what is nearer to zero than 1e-100, and for a negative one the key of its opposite, negated.
create or replace function delivery.sketch_key(p_value double precision) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when abs(p_value) < 1e-100 then 0
    else sign(p_value)::integer * (20000 + delivery.sketch_bucket(abs(p_value)))
  end;
end
$$;
comment on function delivery.sketch_key(double precision) is 'The key of a value in a sketch of relative accuracy 1 %.';
revoke all on function delivery.sketch_key(double precision) from public;
grant execute on function delivery.sketch_key(double precision) to pgfleet_app;
