--! data-loss: no
revoke select (tenant_id, sync_group, started_at, headroom_ms, is_delayed) on metadata.ticks from pgfleet_monitor;
drop policy monitor_reads on metadata.ticks;
revoke select (started_at, finished_at) on platform.erasures from pgfleet_monitor;
drop policy monitor_reads on platform.erasures;
revoke select (tenant_id, channel, held, lease, available_at, leased_at, ready_at) on delivery.jobs from pgfleet_monitor;
drop policy monitor_reads on delivery.jobs;
