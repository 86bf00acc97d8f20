-- create: memories using hnsw (embedding vector_cosine_ops)
create table memories (id int primary key, embedding vector(4));
insert into memories select i, array[i % 7, i % 11, i % 13, i % 17]::int[]::vector from generate_series(1, 8000) i;
-- workload
select id from memories order by embedding <=> $1 limit 10;
