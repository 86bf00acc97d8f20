-- create: articles using gin (title gin_trgm_ops)
-- note: a pattern without three characters in a row
create table articles (id int primary key, title text);
insert into articles select i, md5(i::text) from generate_series(1, 20000) i;
-- workload
select * from articles where title ilike '%abc%';
select * from articles where title like '%a%';
