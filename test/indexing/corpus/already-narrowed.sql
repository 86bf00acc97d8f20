-- A few rows of one owner are compared one by one: no GIN for them.
-- create: articles (owner)
create table articles (id int primary key, owner int, tags text[]);
insert into articles select i, i * 7919 % 2000, array['t' || i % 300] from generate_series(1, 20000) i;
-- workload
select * from articles where owner = $1 and tags @> array['t5'];
