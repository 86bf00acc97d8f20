-- learning.draw(seed, key): a number in (0, 1), always the same for the same seed and key; random without a seed.
-- 52 bits of PostgreSQL's extended hash, which is stable across versions of one major release.
create or replace function learning.draw(p_seed bigint, p_key text) returns double precision
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_seed is null then
    return (floor(random() * 4503599627370496) + 0.5) / 4503599627370496;
  end if;
  return ((hashtextextended(p_key, p_seed) & 4503599627370495) + 0.5) / 4503599627370496;
end
$$;
comment on function learning.draw(bigint, text) is 'A uniform number in (0, 1): seeded by key, or random.';
revoke all on function learning.draw(bigint, text) from public;
grant execute on function learning.draw(bigint, text) to pgfleet_app;
