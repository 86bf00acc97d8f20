-- PgHero's documented rule stops where fifty rows are left, at the visitor alone. The planner takes the second column for half of what is left.
-- create: visits (visitor, country)
create table visits (id int primary key, visitor int, country int, at timestamptz);
insert into visits select i, i * 7919 % 5000, i % 30, timestamptz '2025-01-01' + i * interval '1 minute' from generate_series(1, 20000) i;
-- workload
select * from visits where country = $1 and visitor = $2 order by at;
