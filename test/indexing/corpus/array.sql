-- create: articles using gin (tags)
create table articles (id int primary key, tags text[]);
insert into articles select i, array['t' || i % 300, 'u' || i % 7] from generate_series(1, 20000) i;
-- workload
select * from articles where tags @> array['t5'];
