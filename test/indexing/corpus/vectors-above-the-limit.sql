-- More than 2,000 dimensions are indexed as halfvec.
-- create: memories using hnsw ((embedding::halfvec(2500)) halfvec_l2_ops)
create table memories (id int primary key, embedding vector(2500));
insert into memories select i, null from generate_series(1, 8000) i;
-- workload
select id from memories order by embedding <-> $1 limit 10;
