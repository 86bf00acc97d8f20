-- A member as text is an expression, and a B-tree's.
-- create: products (((facts ->> 'sku')))
create table products (id int primary key, facts jsonb);
insert into products select i, jsonb_build_object('sku', i, 'size', i % 7) from generate_series(1, 20000) i;
-- workload
select * from products where facts ->> 'sku' = $1;
