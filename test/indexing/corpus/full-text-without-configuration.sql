-- What depends on a setting is in no index.
-- note: to_tsvector without a constant configuration
create table articles (id int primary key, body text);
insert into articles select i, 'some words and number ' || i from generate_series(1, 8000) i;
-- workload
select * from articles where to_tsvector(body) @@ plainto_tsquery($1);
