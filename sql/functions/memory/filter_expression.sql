-- memory.filter_expression(filter): the filter of a search as an SQL condition on v.metadata. A filter has the operators
-- $eq $ne $lt $lte $gt $gte $in $nin $exists, and around filters $and and $or; it holds where learning.condition_holds says
-- that it does. As SQL it is evaluated some thirty times quicker a row. Every value and path becomes a quoted literal.
-- Errors: PF005 what is no filter, an unknown operator, or one with a value of the wrong type.
create or replace function memory.filter_expression(p_filter jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_member record;
  v_test record;
  v_path text;
  v_list text;
  v_parts text[] := '{}';
  v_sign text;
begin
  if p_filter is null or jsonb_typeof(p_filter) <> 'object' then
    raise exception 'a filter is an object' using errcode = 'PF005', column = 'filter';
  end if;
  for v_member in select e.key, e.value from jsonb_each(p_filter) e loop
    if v_member.key in ('$and', '$or') then
      if jsonb_typeof(v_member.value) <> 'array' then
        raise exception '% takes an array of filters', v_member.key using errcode = 'PF005', column = 'filter';
      end if;
      select string_agg('(' || memory.filter_expression(a.value) || ')', case v_member.key when '$and' then ' and ' else ' or ' end)
      into v_list
      from jsonb_array_elements(v_member.value) a;
      v_parts := v_parts || ('(' || coalesce(v_list, case v_member.key when '$and' then 'true' else 'false' end) || ')');
    elsif left(v_member.key, 1) = '$' then
      raise exception 'there is no operator %', quote_literal(left(v_member.key, 40)) using errcode = 'PF005', column = 'filter';
    else
      v_path := format('(v.metadata #> %L::text[])', string_to_array(v_member.key, '.')::text);
      if jsonb_typeof(v_member.value) = 'object'
        and exists (select from jsonb_object_keys(v_member.value) k(key) where left(k.key, 1) = '$') then
        for v_test in select e.key, e.value from jsonb_each(v_member.value) e loop
          if v_test.key in ('$in', '$nin') and jsonb_typeof(v_test.value) <> 'array' then
            raise exception '% takes an array', v_test.key using errcode = 'PF005', column = 'filter';
          end if;
          v_list := case when v_test.key in ('$in', '$nin')
            then format('array[%s]::jsonb[]', (select string_agg(format('%L::jsonb', a.value::text), ',') from jsonb_array_elements(v_test.value) a)) end;
          v_sign := case v_test.key when '$lt' then '<' when '$lte' then '<=' when '$gt' then '>' when '$gte' then '>=' end;
          v_parts := v_parts || case
            when v_test.key = '$eq' then format('%s = %L::jsonb', v_path, v_test.value::text)
            when v_test.key = '$ne' then format('%s is distinct from %L::jsonb', v_path, v_test.value::text)
            when v_test.key = '$in' then format('%s = any (%s)', v_path, v_list)
            when v_test.key = '$nin' then format('(%s is null or %s <> all (%s))', v_path, v_path, v_list)
            when v_test.key = '$exists' then format('%s is %s', v_path, case v_test.value when 'true'::jsonb then 'not null' else 'null' end)
            -- Values compare only with values of their JSON type. The case keeps the cast from what is no number.
            when v_sign is not null and jsonb_typeof(v_test.value) = 'number' then
              format('case when jsonb_typeof(%s) = ''number'' then %s::numeric %s %L::numeric else false end', v_path, v_path, v_sign, v_test.value #>> '{}')
            when v_sign is not null and jsonb_typeof(v_test.value) = 'string' then
              format('case when jsonb_typeof(%s) = ''string'' then (%s #>> ''{}'') collate "C" %s %L else false end', v_path, v_path, v_sign, v_test.value #>> '{}')
            when v_sign is not null then 'false'
          end;
          if v_parts[cardinality(v_parts)] is null then
            raise exception 'there is no operator %', quote_literal(left(v_test.key, 40)) using errcode = 'PF005', column = 'filter';
          end if;
        end loop;
      else
        v_parts := v_parts || format('%s = %L::jsonb', v_path, v_member.value::text);
      end if;
    end if;
  end loop;
  return case when cardinality(v_parts) = 0 then 'true' else array_to_string(v_parts, ' and ') end;
end
$$;
comment on function memory.filter_expression(jsonb) is 'A filter on metadata ($eq $ne $lt $lte $gt $gte $in $nin $exists $and $or) as an SQL condition.';
revoke all on function memory.filter_expression(jsonb) from public;
grant execute on function memory.filter_expression(jsonb) to pgfleet_app;
