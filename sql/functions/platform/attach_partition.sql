-- platform.attach_partition(schema, table, month): attaches the table of the month that begins then, by UTC. A check that the caller has put
-- on it of its bounds keeps this from reading the table under its lock: share update exclusive on the
-- partitioned table, which leaves readers and writers alone. For pgfleet_owner.
create or replace function platform.attach_partition(p_schema text, p_table text, p_month timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('alter table %I.%I attach partition %I.%I for values from (%L) to (%L)',
    p_schema, p_table, p_schema, p_table || '_p' || to_char(p_month at time zone 'UTC', 'YYYYMM'),
    platform.uuid_floor(p_month), platform.uuid_floor(date_trunc('month', p_month + interval '40 days', 'UTC')));
end
$$;
comment on function platform.attach_partition(text, text, timestamptz) is 'Attaches the table of a month; for the owner.';
revoke all on function platform.attach_partition(text, text, timestamptz) from public;
