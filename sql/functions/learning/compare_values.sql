-- learning.compare_values(a, b): -1, 0 or 1 for two JSON numbers, or two JSON strings (by code point); null for others.
create or replace function learning.compare_values(p_a jsonb, p_b jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(p_a) = 'number' and jsonb_typeof(p_b) = 'number' then sign(p_a::numeric - p_b::numeric)::integer
    when jsonb_typeof(p_a) = 'string' and jsonb_typeof(p_b) = 'string' then
      case
        when p_a #>> '{}' collate "C" < p_b #>> '{}' collate "C" then -1
        when p_a #>> '{}' collate "C" > p_b #>> '{}' collate "C" then 1
        else 0
      end
  end
$$;
comment on function learning.compare_values(jsonb, jsonb) is 'Orders two JSON numbers or two JSON strings; null for others.';
revoke all on function learning.compare_values(jsonb, jsonb) from public;
grant execute on function learning.compare_values(jsonb, jsonb) to pgfleet_app;
