-- delivery.redact(value): the same JSON with the values of secret-like names (password, secret, token, authorization, API
-- key, private key, cookie, credential; any case, as part of a name) replaced by "[redacted]", at any depth. What names
-- nothing of the kind is returned after one look.
create or replace function delivery.redact(p_value jsonb) returns jsonb
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- "tokens" are counted here, and no secret.
  if p_value::text !~* '(passw|secret|token(?!s)|authorization|api[_-]?key|private[_-]?key|cookie|credential)' then
    return p_value;
  end if;
  case jsonb_typeof(p_value)
    when 'object' then
      return (
        select jsonb_object_agg(m.key,
          case when m.key ~* '(passw|secret|token(?!s)|authorization|api[_-]?key|private[_-]?key|cookie|credential)'
            then '"[redacted]"'::jsonb
            else delivery.redact(m.value)
          end)
        from jsonb_each(p_value) m
      );
    when 'array' then
      return (select jsonb_agg(delivery.redact(e.value) order by e.ordinality) from jsonb_array_elements(p_value) with ordinality e);
    else
      return p_value;
  end case;
end
$$;
comment on function delivery.redact(jsonb) is 'The same JSON without the values of secret-like names.';
revoke all on function delivery.redact(jsonb) from public;
grant execute on function delivery.redact(jsonb) to pgfleet_app;
