-- In byte order the plain one does.
-- create: names (name)
create table names (id int primary key, name text collate "C");
insert into names select i, md5(i::text) from generate_series(1, 20000) i;
-- workload
select * from names where name like 'abc1%';
