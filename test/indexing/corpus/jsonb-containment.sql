-- create: products using gin (facts jsonb_path_ops)
create table products (id int primary key, facts jsonb);
insert into products select i, jsonb_build_object('colour', i % 50, 'size', i % 7) from generate_series(1, 20000) i;
-- workload
select * from products where facts @> $1;
