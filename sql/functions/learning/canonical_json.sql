-- learning.canonical_json(value): the canonical text of RFC 8785 (JSON Canonicalization Scheme), as the TypeScript
-- library makes it: keys by UTF-16 code units, numbers as ECMAScript prints their double.
create or replace function learning.canonical_json(p_value jsonb) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_number double precision;
  v_decimal numeric;
  v_shorter numeric;
  v_exponent integer;
begin
  case jsonb_typeof(p_value)
    when 'object' then
      return '{' || coalesce((
        select string_agg(to_json(e.key)::text || ':' || learning.canonical_json(e.value), ',' order by u.units)
        from jsonb_each(p_value) e
        cross join lateral (
          -- Code points above 65535 sort by their surrogates, that is before U+E000.
          select array_agg(case when c.point > 65535 then 55296 + ((c.point - 65536) >> 10) else c.point end * 65536
            + case when c.point > 65535 then 56320 + ((c.point - 65536) & 1023) else 0 end order by c.place) as units
          from (select ascii(t.letter)::bigint as point, t.place from regexp_split_to_table(e.key, '') with ordinality as t(letter, place)) c
        ) u
      ), '') || '}';
    when 'array' then
      return '[' || coalesce((
        select string_agg(learning.canonical_json(a.value), ',' order by a.place)
        from jsonb_array_elements(p_value) with ordinality as a(value, place)
      ), '') || ']';
    when 'number' then
      v_number := (p_value #>> '{}')::double precision;
      if v_number = 0 then
        return '0';
      end if;
      v_decimal := v_number::text::numeric;
      v_exponent := floor(log(abs(v_decimal)))::integer;
      -- ECMAScript takes one digit less than PostgreSQL where the shorter number lies on the very edge of the double.
      v_shorter := round(v_decimal, length(regexp_replace(split_part(v_number::text, 'e', 1), '[^0-9]', '', 'g')) - 2 - v_exponent);
      if v_exponent < 308 and v_shorter::double precision = v_number then
        v_decimal := v_shorter;
      end if;
      if abs(v_number) >= 1e-6 and abs(v_number) < 1e21 then
        return trim_scale(v_decimal)::text;
      end if;
      return trim_scale(v_decimal * ('1e' || -v_exponent)::numeric)::text || 'e' || case when v_exponent > 0 then '+' else '' end || v_exponent;
    when 'string' then
      return to_json(p_value #>> '{}')::text;
    else
      return p_value::text;
  end case;
end
$$;
comment on function learning.canonical_json(jsonb) is 'The canonical text of a JSON value by RFC 8785.';
revoke all on function learning.canonical_json(jsonb) from public;
grant execute on function learning.canonical_json(jsonb) to pgfleet_app;
