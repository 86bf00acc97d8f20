-- An update has to find its rows too.
-- create: people (email)
create table people (id int primary key, email text, seen timestamptz);
insert into people select i, 'u' || i || '@example.org' from generate_series(1, 20000) i;
-- workload
update people set seen = now() where email = $1;
