-- Keys want the larger operator class, which serves containment as well: one index for both.
-- create: products using gin (facts)
create table products (id int primary key, facts jsonb);
insert into products select i, jsonb_build_object('colour', i % 50, 'size', i % 7) from generate_series(1, 20000) i;
-- workload
select * from products where facts ? 'colour';
select * from products where facts @> '{"colour": 5}';
