--! breaking: no   lock: access exclusive on delivery.jobs, platform.erasures and metadata.ticks for a moment   rewrite: none   time: instant
-- A monitor counts what waits in all tenants: jobs, erasures that have not ended, ticks. It sees times and states, and nothing of
-- what tenants keep: the columns below and no others, so it needs no right to look past row-level security.

create policy monitor_reads on delivery.jobs for select to pgfleet_monitor using (true);
grant select (tenant_id, channel, held, lease, available_at, leased_at, ready_at) on delivery.jobs to pgfleet_monitor;

create policy monitor_reads on platform.erasures for select to pgfleet_monitor using (true);
grant select (started_at, finished_at) on platform.erasures to pgfleet_monitor;

create policy monitor_reads on metadata.ticks for select to pgfleet_monitor using (true);
grant select (tenant_id, sync_group, started_at, headroom_ms, is_delayed) on metadata.ticks to pgfleet_monitor;
