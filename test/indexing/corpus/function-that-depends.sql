-- What depends on the session's time zone cannot be indexed, and is not advised.
create table visits (id int primary key, at timestamptz);
insert into visits select i, timestamptz '2025-01-01' + i * interval '1 minute' from generate_series(1, 20000) i;
-- workload
select * from visits where date_trunc('day', at) = $1;
