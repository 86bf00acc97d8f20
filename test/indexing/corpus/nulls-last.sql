-- Descending with NULLs last is ascending with NULLs first, read backwards; the plain index has them elsewhere.
-- create: tasks (done nulls first)
create table tasks (id int primary key, done timestamptz);
insert into tasks select i, case when i % 3 > 0 then timestamptz '2025-01-01' + i * 7919 % 20000 * interval '1 minute' end from generate_series(1, 20000) i;
-- workload
select * from tasks order by done desc nulls last limit 10;
