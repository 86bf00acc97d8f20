-- In a language's order a plain index serves no LIKE: it wants the operator class.
-- create: names (name text_pattern_ops)
create table names (id int primary key, name text collate "en-x-icu");
insert into names select i, md5(i::text) from generate_series(1, 20000) i;
-- workload
select * from names where name like 'abc1%';
