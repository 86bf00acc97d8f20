-- OR of one column is a list: one index.
-- create: people (email)
create table people (id int primary key, email text);
insert into people select i, 'u' || i || '@example.org' from generate_series(1, 20000) i;
-- workload
select * from people where email = $1 or email = $2;
