-- learning.condition_holds(condition, context): evaluates a condition on a JSON context.
--
-- {"coverage": {"$lt": 80}, "language": "ts"}: every member must hold. A key is a path with dots (`build.status`).
-- Operators: $eq $ne $lt $lte $gt $gte $in $nin $exists, and around conditions $and $or (arrays). A value without an
-- operator means $eq. Values compare only with values of their JSON type: anything else does not hold. $ne and $nin
-- hold for an absent value. Errors: PF005 an unknown operator, or one with a value of the wrong type.
create or replace function learning.condition_holds(p_condition jsonb, p_context jsonb) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_member record;
  v_test record;
  v_actual jsonb;
  v_holds boolean;
begin
  if p_condition is null then
    return false;
  end if;
  if jsonb_typeof(p_condition) <> 'object' then
    raise exception 'a condition is an object, not %', jsonb_typeof(p_condition) using errcode = 'PF005', column = 'triggerConditions';
  end if;
  for v_member in select e.key, e.value from jsonb_each(p_condition) e loop
    if v_member.key in ('$and', '$or') then
      if jsonb_typeof(v_member.value) <> 'array' then
        raise exception '% takes an array of conditions', v_member.key using errcode = 'PF005', column = 'triggerConditions';
      end if;
      select case v_member.key
          when '$and' then coalesce(bool_and(learning.condition_holds(a.value, p_context)), true)
          else coalesce(bool_or(learning.condition_holds(a.value, p_context)), false)
        end into v_holds
      from jsonb_array_elements(v_member.value) a;
    elsif left(v_member.key, 1) = '$' then
      raise exception 'there is no operator %', quote_literal(left(v_member.key, 40)) using errcode = 'PF005', column = 'triggerConditions';
    else
      v_actual := p_context #> string_to_array(v_member.key, '.');
      v_holds := true;
      if jsonb_typeof(v_member.value) = 'object'
        and exists (select from jsonb_object_keys(v_member.value) k(key) where left(k.key, 1) = '$') then
        for v_test in select e.key, e.value from jsonb_each(v_member.value) e loop
          if v_test.key in ('$in', '$nin') and jsonb_typeof(v_test.value) <> 'array' then
            raise exception '% takes an array', v_test.key using errcode = 'PF005', column = 'triggerConditions';
          end if;
          v_holds := v_holds and case v_test.key
            when '$eq' then coalesce(v_actual = v_test.value, false)
            when '$ne' then v_actual is distinct from v_test.value
            when '$in' then coalesce(v_actual in (select a.value from jsonb_array_elements(v_test.value) a), false)
            when '$nin' then v_actual is null or v_actual not in (select a.value from jsonb_array_elements(v_test.value) a)
            when '$exists' then (v_actual is not null) = (v_test.value = 'true'::jsonb)
            when '$lt' then coalesce(jsonb_typeof(v_actual) = jsonb_typeof(v_test.value) and learning.compare_values(v_actual, v_test.value) < 0, false)
            when '$lte' then coalesce(jsonb_typeof(v_actual) = jsonb_typeof(v_test.value) and learning.compare_values(v_actual, v_test.value) <= 0, false)
            when '$gt' then coalesce(jsonb_typeof(v_actual) = jsonb_typeof(v_test.value) and learning.compare_values(v_actual, v_test.value) > 0, false)
            when '$gte' then coalesce(jsonb_typeof(v_actual) = jsonb_typeof(v_test.value) and learning.compare_values(v_actual, v_test.value) >= 0, false)
          end;
          if v_holds is null then
            raise exception 'there is no operator %', quote_literal(left(v_test.key, 40)) using errcode = 'PF005', column = 'triggerConditions';
          end if;
        end loop;
      else
        v_holds := coalesce(v_actual = v_member.value, false);
      end if;
    end if;
    if not v_holds then
      return false;
    end if;
  end loop;
  return true;
end
$$;
comment on function learning.condition_holds(jsonb, jsonb) is 'Evaluates a condition ($eq $ne $lt $lte $gt $gte $in $nin $exists $and $or) on a JSON context.';
revoke all on function learning.condition_holds(jsonb, jsonb) from public;
grant execute on function learning.condition_holds(jsonb, jsonb) to pgfleet_app;
