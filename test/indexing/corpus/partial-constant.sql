-- What waits is rare: its order is the key, and the constant is the condition, never a key.
-- create: jobs (due) where status = 'waiting'
create table jobs (id int primary key, status text, due timestamptz);
insert into jobs select i, case when i % 50 = 0 then 'waiting' else 'done' end, timestamptz '2025-01-01' + i * 7919 % 20000 * interval '1 minute' from generate_series(1, 20000) i;
-- workload
select * from jobs where status = 'waiting' order by due limit 100;
