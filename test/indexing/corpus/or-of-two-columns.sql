-- OR is answered by two indexes together, and by neither alone.
-- create: people (email)
-- create: people (phone)
create table people (id int primary key, email text, phone text);
insert into people select i, 'u' || i || '@example.org', '+1 ' || i * 7919 % 20000 from generate_series(1, 20000) i;
-- workload
select * from people where email = $1 or phone = $2;
