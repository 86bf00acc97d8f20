-- memory.search_condition(shape): what a search asks of a row besides being near, as an SQL condition on memory.vectors_N v.
-- The statement that holds it has the tenant as $1 and the scope as $2. shape: as in memory.search_vectors.
create or replace function memory.search_condition(p_shape jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'v.tenant_id = $1 and v.expires_at > statement_timestamp()'
    || case when p_shape ->> 'scope' is null then '' else ' and v.scope = $2' end
    || coalesce(' and v.event_time >= ' || quote_literal(p_shape ->> 'event_from') || '::timestamptz', '')
    || coalesce(' and v.event_time < ' || quote_literal(p_shape ->> 'event_to') || '::timestamptz', '')
    || coalesce(' and v.created_at >= ' || quote_literal(p_shape ->> 'created_from') || '::timestamptz', '')
    || coalesce(' and v.created_at < ' || quote_literal(p_shape ->> 'created_to') || '::timestamptz', '')
    || case when p_shape -> 'filter' is null then '' else ' and (' || memory.filter_expression(p_shape -> 'filter') || ')' end
$$;
comment on function memory.search_condition(jsonb) is 'Tenant, scope, expiry, times and filter of a vector search as an SQL condition.';
revoke all on function memory.search_condition(jsonb) from public;
grant execute on function memory.search_condition(jsonb) to pgfleet_app;
