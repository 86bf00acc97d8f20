-- delivery.sketch_bucket(value): the bucket of a value in a sketch of values (DDSketch, Masson et al., VLDB 2019) with a
-- relative accuracy of 1 %: ceil(ln(value) / ln(1.01 / 0.99)). Zero has a bucket apart, -2147483648, below all others;
-- negative values have none (null). A sketch is a count a bucket; two are merged by adding up their counts. Durations of agent
-- sessions are kept by it as it is, numbers of metrics, which may be negative, by delivery.sketch_key.
-- PL/pgSQL: an SQL function that pins its search_path is started anew for each row, which costs twice as much.
create or replace function delivery.sketch_bucket(p_value double precision) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case when p_value > 0 then ceil(ln(p_value) / ln(1.01::double precision / 0.99))::integer when p_value = 0 then -2147483648 end;
end
$$;
comment on function delivery.sketch_bucket(double precision) is 'The bucket of a value in a mergeable sketch of 1 % relative accuracy.';
revoke all on function delivery.sketch_bucket(double precision) from public;
grant execute on function delivery.sketch_bucket(double precision) to pgfleet_app;
