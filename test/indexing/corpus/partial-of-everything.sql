-- A condition that all rows meet makes no index smaller.
-- create: sessions (owner)
create table sessions (id int primary key, owner int, expires timestamptz);
insert into sessions select i, i * 7919 % 2000, now() from generate_series(1, 20000) i;
-- workload
select * from sessions where expires is not null and owner = $1;
