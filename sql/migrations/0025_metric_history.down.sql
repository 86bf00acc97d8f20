--! data-loss: yes
drop table platform.open_alerts;
drop table platform.metric_chunks;
drop table platform.metric_snapshots;
drop table platform.metric_segments;
drop table platform.metric_series;
drop table platform.metric_sources;
