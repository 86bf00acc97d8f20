-- create: articles using gin ((to_tsvector('english', body)))
create table articles (id int primary key, body text);
insert into articles select i, 'some words and number ' || i from generate_series(1, 8000) i;
-- workload
select * from articles where to_tsvector('english', body) @@ plainto_tsquery('english', $1);
