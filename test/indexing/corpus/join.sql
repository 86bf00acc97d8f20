-- Both sides: what the one is found by, and what the other is joined by.
-- create: customers (region)
-- create: orders (customer)
create table customers (id int primary key, region int);
create table orders (id int primary key, customer int, note text);
insert into customers select i, i * 7919 % 4000 from generate_series(1, 20000) i;
insert into orders select i, i * 7919 % 20000, 'a note' from generate_series(1, 40000) i;
-- workload
select o.* from customers c join orders o on o.customer = c.id where c.region = $1;
