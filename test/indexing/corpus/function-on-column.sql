-- The index holds what is compared: an index on the column would not be used.
-- create: people ((lower(email)))
create table people (id int primary key, email text);
insert into people select i, 'U' || i || '@Example.org' from generate_series(1, 20000) i;
-- workload
select * from people where lower(email) = lower($1);
