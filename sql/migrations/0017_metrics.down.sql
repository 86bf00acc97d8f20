--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'delivery' and table_name = 'metrics';
drop table delivery.metric_watermarks;
drop table delivery.metric_rollups;
drop table delivery.metrics;
drop table delivery.metric_series;
