-- delivery.sketch_value(bucket): the value that stands for a bucket of delivery.sketch_bucket; at most 1 % from any value
-- in it: 2 gamma^k / (gamma + 1), which is 0.99 gamma^k, lies within 1 % of all of (gamma^(k - 1), gamma^k]. A quantile of a sketch is that of the bucket in which the running sum of the counts reaches its rank.
create or replace function delivery.sketch_value(p_bucket integer) returns double precision
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case when p_bucket = -2147483648 then 0 else 0.99 * exp(p_bucket * ln(1.01::double precision / 0.99)) end
$$;
comment on function delivery.sketch_value(integer) is 'The value that stands for a bucket of a sketch.';
revoke all on function delivery.sketch_value(integer) from public;
grant execute on function delivery.sketch_value(integer) to pgfleet_app;
